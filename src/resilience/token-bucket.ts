/**
 * One limit of a provider, followed from answer to answer: a bucket that calls draw from and time refills. Its numbers
 * are the provider's own; in between it reckons on.
 */

import type { LimitReading, LimitSpelling } from './limit-headers.ts'

/**
 * How long a bucket is believed without an answer that confirms it. A call that waited so long goes and finds out; the
 * next one waits for what it finds.
 */
export const PACE_WAIT_MAX_MS = 60_000
/** A wait shorter than a timer's tick is no wait. */
export const PACE_WAIT_MIN_MS = 1
/** How much of a higher remainder is believed with one answer. */
const RISE_WEIGHT = 1 / 8
/** Weight of a call in what a call usually costs, once as many are known. */
const COST_WEIGHT = 1 / 16

export class TokenBucket {
  readonly #spelling: LimitSpelling
  #limit = 0
  #level = 0
  /** Units a millisecond; 0 while it cannot be told: nothing is paced then. */
  #rate = 0
  #levelAtMs = 0
  #notedAtMs = 0
  #remaining = 0
  /** What a call draws. */
  #cost = 1
  #costsKnown = 0

  constructor(spelling: LimitSpelling) {
    this.#spelling = spelling
  }

  isOldAt(nowMs: number): boolean {
    return nowMs - this.#notedAtMs >= PACE_WAIT_MAX_MS
  }

  /**
   * What an answer says. `unanswered`: calls under way of which the provider may not know yet. A lower remainder is
   * believed at once, a higher one by and by: answers overtake each other, and a slow one tells of a better past.
   */
  note(reading: LimitReading, unanswered: number, isServed: boolean, nowMs: number): void {
    const limit = reading.limit ?? Math.max(this.#limit, reading.remaining)
    const level = this.levelAt(nowMs)
    if (isServed && this.#spelling.counts === 'tokens') this.#learnCost(reading.remaining, limit, nowMs)
    const isFirst = this.#rate === 0
    this.#rate = this.#rateOf(reading, limit)
    const told = reading.remaining - unanswered * this.#cost
    this.#level = isFirst || told <= level ? told : level + (told - level) * RISE_WEIGHT
    this.#limit = limit
    this.#remaining = reading.remaining
    this.#levelAtMs = nowMs
    this.#notedAtMs = nowMs
  }

  /** A call begins. */
  draw(nowMs: number): void {
    // It went although nothing is left: it is the one that finds out.
    if (this.isOldAt(nowMs) && this.levelAt(nowMs) < this.#cost) this.#notedAtMs = nowMs
    this.#level = this.levelAt(nowMs) - this.#cost
    this.#levelAtMs = nowMs
  }

  /** A call ended without an answer: most likely the provider never counted it. */
  giveBack(nowMs: number): void {
    this.#level = Math.min(this.#limit, this.levelAt(nowMs) + this.#cost)
    this.#levelAtMs = nowMs
  }

  levelAt(nowMs: number): number {
    return Math.min(this.#limit, this.#level + this.#rate * (nowMs - this.#levelAtMs))
  }

  /** When a call may begin behind `ahead` others; never later than the bucket is believed. */
  freeAtMs(ahead: number, nowMs: number): number {
    if (this.#rate === 0) return nowMs
    const waitMs = (this.#cost * (ahead + 1) - this.levelAt(nowMs)) / this.#rate
    if (waitMs < PACE_WAIT_MIN_MS) return nowMs
    return Math.max(nowMs, Math.min(nowMs + waitMs, this.#notedAtMs + PACE_WAIT_MAX_MS * (ahead + 1)))
  }

  /** (L - R) / T. A full bucket says nothing of its rate: what is known of it stays. */
  #rateOf({ remaining, resetMs }: LimitReading, limit: number): number {
    if (resetMs !== undefined && resetMs > 0 && remaining < limit) return (limit - remaining) / resetMs
    if (this.#rate > 0) return this.#rate
    const { windowMs } = this.#spelling
    return windowMs === undefined ? 0 : limit / windowMs
  }

  /** What was used since the last answer, refill included: one answer stands for one call, so the mean is a call's cost. */
  #learnCost(remaining: number, limit: number, nowMs: number): void {
    if (this.#rate === 0) return
    const before = Math.min(limit, this.#remaining + this.#rate * (nowMs - this.#notedAtMs))
    const used = Math.min(Math.max(0, before - remaining), limit / 2)
    this.#costsKnown += 1
    this.#cost += (used - this.#cost) * Math.max(COST_WEIGHT, 1 / this.#costsKnown)
    this.#cost = Math.min(Math.max(1, this.#cost), limit)
  }
}
