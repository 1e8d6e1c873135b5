/**
 * How many calls a target bears at one time, learned from its refusals: additive increase, multiplicative decrease, as
 * TCP finds the width of a road. Until a target refuses for the first time there is no limit at all.
 */

/** What a refusal leaves of the calls that were in flight. */
export const AIMD_DECREASE = 0.7
/** A target that has not refused for so long has no limit any more. */
export const AIMD_MEMORY_MS = 300_000

export class AimdLimit {
  #limit = 0
  #successes = 0
  #refusedAtMs = Number.NEGATIVE_INFINITY
  #decreasedAtMs = Number.NEGATIVE_INFINITY

  /** Calls that may be in flight at one time; undefined = no limit. */
  at(nowMs: number): number | undefined {
    return nowMs < this.forgottenAtMs ? this.#limit : undefined
  }

  /** When the limit is forgotten if nothing is refused until then. */
  get forgottenAtMs(): number {
    return this.#refusedAtMs + AIMD_MEMORY_MS
  }

  /**
   * A call that began at `beganAtMs` was refused, with `inFlight` calls at that moment, itself included. Calls that
   * began before the last decrease say nothing new: a burst that is refused together is one refusal. Whether the limit
   * fell.
   */
  noteRefusal(inFlight: number, beganAtMs: number, nowMs: number): boolean {
    const known = this.at(nowMs)
    this.#refusedAtMs = nowMs
    if (known !== undefined && beganAtMs < this.#decreasedAtMs) return false
    const lowered = Math.max(1, Math.floor(inFlight * AIMD_DECREASE))
    this.#limit = known === undefined ? lowered : Math.min(known, lowered)
    this.#successes = 0
    this.#decreasedAtMs = nowMs
    return true
  }

  /** A call succeeded: as many as the limit make it one wider. */
  noteSuccess(nowMs: number): void {
    const limit = this.at(nowMs)
    if (limit === undefined) return
    this.#successes += 1
    if (this.#successes < limit) return
    this.#limit = limit + 1
    this.#successes = 0
  }
}
