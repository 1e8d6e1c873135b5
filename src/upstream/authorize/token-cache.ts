/** Keeps one token until shortly before its end. Whoever asks meanwhile waits for the one fetch that runs. */

import type { Clock } from '../../std/clock.ts'

export interface FetchedToken {
  readonly token: string
  readonly lifetimeMs: number
}

/** A token is fetched anew this long before its end, so that no request is under way with one that ends. */
export const RENEW_BEFORE_MS = 300_000
/** An old token serves this close to its end where no new one can be had. */
const LAST_USE_BEFORE_MS = 10_000
/** A token that lives shorter than the margin is used for half its life. */
const LIFE_SHARE = 0.5

interface Kept {
  readonly token: string
  readonly renewAtMs: number
  readonly lastUseAtMs: number
}

export class TokenCache {
  readonly #clock: Clock
  readonly #fetch: () => Promise<FetchedToken>
  #kept: Kept | undefined
  #running: Promise<string> | undefined

  constructor(clock: Clock, fetch: () => Promise<FetchedToken>) {
    this.#clock = clock
    this.#fetch = fetch
  }

  /** Rejects as the fetch does, unless an older token still holds. */
  get(): Promise<string> {
    const kept = this.#kept
    if (kept !== undefined && this.#clock.nowMs() < kept.renewAtMs) return Promise.resolve(kept.token)
    this.#running ??= this.#renew().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #renew(): Promise<string> {
    const askedAtMs = this.#clock.nowMs()
    try {
      const { token, lifetimeMs } = await this.#fetch()
      const usedMs = Math.max(lifetimeMs - RENEW_BEFORE_MS, lifetimeMs * LIFE_SHARE)
      this.#kept = {
        token,
        renewAtMs: askedAtMs + usedMs,
        lastUseAtMs: askedAtMs + lifetimeMs - LAST_USE_BEFORE_MS,
      }
      return token
    } catch (error) {
      const kept = this.#kept
      if (kept !== undefined && this.#clock.nowMs() < kept.lastUseAtMs) return kept.token
      throw error
    }
  }
}
