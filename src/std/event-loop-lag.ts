/**
 * How late the event loop runs, by how late a timer fires. A process is overloaded where it was late the whole time, not
 * where it was late once: the least lateness of a window counts, as in CoDel (RFC 8289), so that one pause is none.
 */

import type { Clock, Timer } from './clock.ts'

/** Lateness is measured this often, ms; a finer grain would wake an idle process for nothing. */
export const LAG_SAMPLE_MS = 100
/** How long the loop must have been late to be called overloaded, and in time to be called well again, ms. */
export const LAG_WINDOW_MS = 1_000
/** Overload ends at this share of the lateness it begins at, so that it does not flutter. */
export const LAG_CALM_SHARE = 0.5

/** A loop that was late by this and was found stuck from beside it, was stuck, ms: no load does that. */
export const LAG_STUCK_MS = 2_000
/** How long after that it must go on without another such moment to be trusted again, ms. */
export const LAG_REST_MS = 10_000

export interface LagEpisode {
  /** The longest the loop was late, ms. */
  readonly longestMs: number
  /** From the moment overload was seen, ms; 0 where it begins. */
  readonly durationMs: number
}

export interface EventLoopLagOptions {
  readonly clock: Clock
  /** Lateness beyond which the loop counts as overloaded, ms. Asked at each sample, since configuration may change it. */
  readonly lagMaxMs: () => number
  readonly onOverload?: (episode: LagEpisode) => void
  readonly onRecovery?: (episode: LagEpisode) => void
  /** The loop turns: called at each sample. */
  readonly onSample?: () => void
  /**
   * How often the loop was found stuck from beside it. Lateness alone does not tell: a process that was stopped as a whole, or
   * a machine that slept, is late as well. Default: never.
   */
  readonly countStuck?: () => number
}

export interface EventLoopLag {
  readonly isOverloaded: boolean
  /** The loop was stuck a moment ago, and may be again. */
  readonly isStuck: boolean
  /** The longest lateness of the last window, ms. */
  readonly lagMs: number
  stop(): void
}

/** Measures from now on until it is stopped. */
export function watchEventLoop(options: EventLoopLagOptions): EventLoopLag {
  return new TimerLag(options)
}

/** When the loop was found late, and by how much: it was late from `atMs - lagMs` on. */
interface Sample {
  readonly atMs: number
  readonly lagMs: number
}

class TimerLag implements EventLoopLag {
  readonly #options: EventLoopLagOptions
  #samples: readonly Sample[] = []
  #startedAtMs: number
  #timer: Timer
  #stuckAtMs = Number.NEGATIVE_INFINITY
  #stuckCount = 0
  #overload: { readonly sinceMs: number; longestMs: number } | undefined

  constructor(options: EventLoopLagOptions) {
    this.#options = options
    this.#startedAtMs = options.clock.nowMs()
    this.#timer = this.#arm()
  }

  get isOverloaded(): boolean {
    return this.#overload !== undefined
  }

  get isStuck(): boolean {
    const nowMs = this.#options.clock.nowMs()
    this.#noteStuck(nowMs)
    return nowMs - this.#stuckAtMs < LAG_REST_MS
  }

  get lagMs(): number {
    return Math.max(0, ...this.#samples.map(({ lagMs }) => lagMs))
  }

  stop(): void {
    this.#timer.cancel()
  }

  #arm(): Timer {
    const { clock } = this.#options
    const dueMs = clock.nowMs() + LAG_SAMPLE_MS
    return clock.after(LAG_SAMPLE_MS, () => {
      const nowMs = clock.nowMs()
      this.#timer = this.#arm()
      this.#options.onSample?.()
      this.#add({ atMs: nowMs, lagMs: Math.max(0, nowMs - dueMs) })
    })
  }

  #add(sample: Sample): void {
    const fromMs = sample.atMs - LAG_WINDOW_MS
    this.#samples = [...this.#samples.filter(({ atMs }) => atMs > fromMs), sample]
    this.#noteStuck(sample.atMs)
    // Whoever watches from beside it rests longer than that.
    if (sample.lagMs >= LAG_STUCK_MS && sample.atMs - sample.lagMs - this.#stuckAtMs < LAG_REST_MS)
      this.#stuckAtMs = sample.atMs
    // A window that is not wholly measured says nothing yet.
    if (fromMs < this.#startedAtMs) return
    const lagMaxMs = this.#options.lagMaxMs()
    if (this.#overload === undefined) this.#judgeCalm(sample, lagMaxMs)
    else this.#judgeOverload(sample, lagMaxMs)
  }

  #noteStuck(nowMs: number): void {
    const count = this.#options.countStuck?.() ?? 0
    if (count === this.#stuckCount) return
    this.#stuckCount = count
    this.#stuckAtMs = nowMs
  }

  #judgeCalm({ atMs }: Sample, lagMaxMs: number): void {
    if (Math.min(...this.#samples.map(({ lagMs }) => lagMs)) <= lagMaxMs) return
    this.#overload = { sinceMs: atMs, longestMs: this.lagMs }
    this.#options.onOverload?.({ longestMs: this.lagMs, durationMs: 0 })
  }

  #judgeOverload({ atMs, lagMs }: Sample, lagMaxMs: number): void {
    const overload = this.#overload
    if (overload === undefined) return
    overload.longestMs = Math.max(overload.longestMs, lagMs)
    if (atMs - overload.sinceMs < LAG_WINDOW_MS || this.lagMs > lagMaxMs * LAG_CALM_SHARE) return
    this.#overload = undefined
    this.#options.onRecovery?.({ longestMs: overload.longestMs, durationMs: atMs - overload.sinceMs })
  }
}
