/** What was used last, in memory, up to so many bytes. */

interface Held<Value> {
  readonly value: Value
  readonly bytes: number
}

export class MemoryCache<Value> {
  readonly #bytesMax: number
  /** The one used longest ago first. */
  readonly #held = new Map<string, Held<Value>>()
  #bytes = 0
  /** The one used last: asked for again it need not move, and what is asked for at once is mostly one answer. */
  #newest: string | undefined

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#held.size
  }

  get(id: string): Value | undefined {
    const held = this.#held.get(id)
    if (held === undefined) return undefined
    if (id !== this.#newest) {
      this.#held.delete(id)
      this.#held.set(id, held)
      this.#newest = id
    }
    return held.value
  }

  /** What is larger than the whole cache is not held. */
  set(id: string, value: Value, bytes: number): void {
    this.delete(id)
    if (bytes > this.#bytesMax) return
    this.#held.set(id, { value, bytes })
    this.#newest = id
    this.#bytes += bytes
    for (const oldest of this.#held.keys()) {
      if (this.#bytes <= this.#bytesMax) return
      this.delete(oldest)
    }
  }

  delete(id: string): void {
    const held = this.#held.get(id)
    if (held === undefined) return
    this.#held.delete(id)
    this.#bytes -= held.bytes
  }

  deleteWhere(isMeant: (value: Value) => boolean): number {
    const meant = [...this.#held].filter(([, { value }]) => isMeant(value))
    for (const [id] of meant) this.delete(id)
    return meant.length
  }
}
