/** A map that forgets what was not touched for longest once it holds too much: the bound of everything remembered here. */

export interface RecentMapLimits<Value> {
  readonly entriesMax: number
  /** Of all entries together, as `bytesOf` counts them; absent: only their number is bounded. */
  readonly bytesMax?: number
  bytesOf?(value: Value): number
}

export class RecentMap<Value> {
  readonly #limits: RecentMapLimits<Value>
  /** Oldest first: a Map keeps the order in which its keys were set. */
  readonly #entries = new Map<string, Value>()
  #bytes = 0

  constructor(limits: RecentMapLimits<Value>) {
    this.#limits = limits
  }

  get size(): number {
    return this.#entries.size
  }

  /** The value, which counts as touched. */
  get(key: string): Value | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  set(key: string, value: Value): void {
    this.#forget(key)
    this.#entries.set(key, value)
    this.#bytes += this.#bytesOf(value)
    const { entriesMax, bytesMax = Number.POSITIVE_INFINITY } = this.#limits
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= entriesMax && this.#bytes <= bytesMax) return
      this.#forget(oldest)
    }
  }

  #forget(key: string): void {
    const value = this.#entries.get(key)
    if (value === undefined) return
    this.#entries.delete(key)
    this.#bytes -= this.#bytesOf(value)
  }

  #bytesOf(value: Value): number {
    return this.#limits.bytesOf?.(value) ?? 0
  }
}
