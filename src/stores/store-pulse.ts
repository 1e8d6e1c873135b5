/**
 * Whether a store answers, and how soon: two breakers over the same store, one for what requests wait for and one for
 * everything else, and the look every second that closes them again. Simpler than the breaker of a target: a look costs
 * nothing, so none has to be risked with a real operation, and the store is tried every second however long it is ill.
 */

import type { Clock, Timer } from '../std/clock.ts'
import { within } from '../std/within.ts'

export interface StoreHealth {
  /** `slow`: too slow for requests to wait for, and still taking the books. */
  readonly state: 'answering' | 'slow' | 'failing'
  /** Since when, ms since 1970. */
  readonly sinceMs: number
  /** Why it was last not answering in time, kept when it does again. */
  readonly lastError?: string
}

export interface StorePulseOptions {
  readonly ping: () => Promise<void>
  readonly clock: Clock
  /** A store that answers within this is soon enough for requests, ms. */
  readonly promptMs: number
  /** A store that answers within this is well, ms. */
  readonly pingMs: number
  readonly onChange: ((health: StoreHealth) => void) | undefined
}

/** In a row. */
export const FAILURES_MAX = 3
/** From the beginning of one look to that of the next. */
export const LOOK_EVERY_MS = 1_000
/** Different reasons of one trouble that are told of, each once. */
const REASONS_MAX = 5

class Breaker {
  #failures = 0
  #succeededAtMs = Number.NEGATIVE_INFINITY
  isOpen = false

  /** Whether it opened. What began before the last success is older news. */
  fail(startedAtMs: number): boolean {
    if (this.isOpen || startedAtMs < this.#succeededAtMs) return false
    this.#failures += 1
    this.isOpen = this.#failures >= FAILURES_MAX
    return this.isOpen
  }

  open(): void {
    this.isOpen = true
  }

  succeed(nowMs: number): void {
    this.#failures = 0
    this.#succeededAtMs = nowMs
  }

  close(nowMs: number): void {
    this.isOpen = false
    this.succeed(nowMs)
  }
}

export class StorePulse {
  readonly #options: StorePulseOptions
  readonly #prompt = new Breaker()
  readonly #patient = new Breaker()
  #health: StoreHealth
  /** Why the store has not been well, as far as it was told of since it was. */
  readonly #reasons = new Set<string>()
  #timer: Timer | undefined
  #looking: Promise<void> | undefined
  #isStopped = false

  constructor(options: StorePulseOptions) {
    this.#options = options
    this.#health = { state: 'answering', sinceMs: options.clock.wallMs() }
  }

  get health(): StoreHealth {
    return this.#health
  }

  /** Why such an operation is not tried now; `undefined` where it is. */
  refusal(isPrompt: boolean): string | undefined {
    const isRefused = this.#patient.isOpen || (isPrompt && this.#prompt.isOpen)
    return isRefused ? `The store is not asked until it answers again: ${this.#health.lastError}` : undefined
  }

  noteSuccess(isPrompt: boolean): void {
    const nowMs = this.#options.clock.nowMs()
    // What is soon enough for requests is for everything else.
    if (isPrompt) this.#prompt.succeed(nowMs)
    this.#patient.succeed(nowMs)
  }

  noteFailure(isPrompt: boolean, startedAtMs: number, error: Error): void {
    const breaker = isPrompt ? this.#prompt : this.#patient
    if (!breaker.fail(startedAtMs)) return
    this.#tell(error.message)
    this.#lookLater(0)
  }

  /** Asks the store now, and goes by what it says. */
  look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  async #lookOnce(): Promise<void> {
    const { clock, promptMs } = this.#options
    const startedAtMs = clock.nowMs()
    try {
      await this.#ping()
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error))
      this.#patient.open()
      this.#tell(cause.message)
      this.#lookLater(LOOK_EVERY_MS - (clock.nowMs() - startedAtMs))
      throw error
    }
    const nowMs = clock.nowMs()
    this.#patient.close(nowMs)
    if (nowMs - startedAtMs <= promptMs) this.#prompt.close(nowMs)
    else if (this.#prompt.isOpen) this.#lookLater(LOOK_EVERY_MS - (nowMs - startedAtMs))
    this.#tell(undefined)
  }

  #ping(): Promise<void> {
    const { clock, ping, pingMs } = this.#options
    return within(clock, pingMs, ping())
  }

  #lookLater(delayMs: number): void {
    if (this.#isStopped || this.#timer !== undefined || !(this.#patient.isOpen || this.#prompt.isOpen)) return
    this.#timer = this.#options.clock.after(Math.max(0, delayMs), () => {
      this.#timer = undefined
      this.look().catch(() => undefined)
    })
  }

  #tell(error: string | undefined): void {
    const state = this.#state()
    const before = this.#health
    const lastError = error ?? before.lastError
    const sinceMs = state === before.state ? before.sinceMs : this.#options.clock.wallMs()
    this.#health = { state, sinceMs, ...(lastError === undefined ? {} : { lastError }) }
    if (this.#isNews(state, before.state, error)) this.#options.onChange?.(this.#health)
  }

  /** Another reason is news too: that the database is back, say, and belongs to somebody else. */
  #isNews(state: StoreHealth['state'], before: StoreHealth['state'], error: string | undefined): boolean {
    if (state === 'answering') this.#reasons.clear()
    const isOther = error !== undefined && !this.#reasons.has(error) && this.#reasons.size < REASONS_MAX
    if (isOther) this.#reasons.add(error)
    return state !== before || isOther
  }

  #state(): StoreHealth['state'] {
    if (this.#patient.isOpen) return 'failing'
    return this.#prompt.isOpen ? 'slow' : 'answering'
  }
}
