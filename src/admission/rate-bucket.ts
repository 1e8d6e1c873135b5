/**
 * One limit of so much a minute, as a bucket: full at the start, refilled all the time, never above a minute's worth.
 * Where nodes share the limit it is the bucket of one share of it, which grows and shrinks with the share; the buckets of
 * all nodes, and what the store keeps of it, are one bucket of the whole.
 */

const MINUTE_MS = 60_000
/** Sums of fractions miss whole numbers by a little; so much of a unit is no reason to refuse. */
const TOLERANCE = 1e-6
/** The deepest a bucket goes below zero: what a provider reports wrongly must not shut a caller out for a day. */
export const DEBT_MINUTES_MAX = 60

export class RateBucket {
  #whole = 0
  #share: number
  #capacity = 0
  #perMs = 0
  #level = 0
  /** Taken while no store granted the share, and not refilled since: the store does not know of it. */
  #untold = 0
  #isAttached = false
  #atMs: number

  constructor(perMinute: number, nowMs: number, share = 1) {
    this.#atMs = nowMs
    this.#share = share
    this.resize(perMinute, nowMs)
  }

  /** A minute's worth of the whole limit. */
  get whole(): number {
    return this.#whole
  }

  /** What fits in it: a minute's worth of its share. */
  get capacity(): number {
    return this.#capacity
  }

  levelAt(nowMs: number): number {
    return Math.min(this.#capacity, this.#level + this.#perMs * (nowMs - this.#atMs))
  }

  isFullAt(nowMs: number): boolean {
    return this.levelAt(nowMs) >= this.#capacity - TOLERANCE
  }

  /**
   * How long until so much may be taken; 0 = now, `Infinity` = it is more than the whole limit. What is more than the
   * share holds may be taken of a full one, or a share would refuse for ever what the whole limit allows. Who takes nothing
   * waits for nothing, whatever others owe.
   */
  waitMs(amount: number, nowMs: number): number {
    if (amount === 0) return 0
    if (amount > this.#whole + TOLERANCE) return Infinity
    const missing = Math.min(amount, this.#capacity) - this.levelAt(nowMs)
    return missing <= TOLERANCE ? 0 : (missing - TOLERANCE) / this.#perMs
  }

  /** How long until it is full. */
  fullInMs(nowMs: number): number {
    return this.#perMs === 0 ? 0 : Math.max(0, this.#capacity - this.levelAt(nowMs)) / this.#perMs
  }

  /** Takes so much, or gives it back where it is negative. It may go below zero, never above what fits. */
  take(amount: number, nowMs: number): void {
    this.#comeTo(nowMs)
    this.#untold = Math.max(0, this.#untold + amount)
    this.#set(this.#level - amount)
  }

  /** Another limit from now on. What was taken stays taken. */
  resize(perMinute: number, nowMs: number): void {
    this.#comeTo(nowMs)
    const taken = this.#capacity - this.#level
    this.#whole = perMinute
    this.#reshare(this.#share)
    this.#set(this.#capacity - taken)
  }

  /** Goes on with a share that no store grants, or with another one. It brings nothing with it. */
  detach(share: number, nowMs: number): void {
    this.#comeTo(nowMs)
    // Debts are paid by whoever made them, whatever the store takes its part for.
    this.#untold = this.#isAttached ? Math.max(0, -this.#level) : this.#untold
    this.#isAttached = false
    this.#reshare(share)
    this.#set(this.#level)
  }

  /** A store grants the share; `fill`, a part of the whole, is in it, and what was taken without it is taken of that. */
  attach(share: number, fill: number, nowMs: number): void {
    this.#comeTo(nowMs)
    this.#isAttached = true
    this.#reshare(share)
    this.#set(fill * this.#whole - this.#untold)
  }

  /** A greater share, with what is in the part that is added. */
  grow(share: number, fill: number, nowMs: number): void {
    this.#comeTo(nowMs)
    this.#reshare(share)
    this.#set(this.#level + fill * this.#whole)
  }

  /** A smaller share; what was in the part that is given up, as a part of the whole. A debt stays here. */
  shrink(share: number, nowMs: number): number {
    this.#comeTo(nowMs)
    const level = this.#level
    const kept = level > 0 && this.#share > 0 ? (level * share) / this.#share : level
    this.#reshare(share)
    this.#set(kept)
    return this.#whole > 0 ? (level - kept) / this.#whole : 0
  }

  #comeTo(nowMs: number): void {
    this.#untold = Math.max(0, this.#untold - this.#perMs * (nowMs - this.#atMs))
    this.#level = this.levelAt(nowMs)
    this.#atMs = nowMs
  }

  #reshare(share: number): void {
    this.#share = share
    this.#capacity = this.#whole * share
    this.#perMs = this.#capacity / MINUTE_MS
  }

  #set(level: number): void {
    this.#level = Math.min(this.#capacity, Math.max(level, -DEBT_MINUTES_MAX * this.#whole))
  }
}
