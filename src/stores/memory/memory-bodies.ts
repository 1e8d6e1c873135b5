/** The bodies of a memory store. */

import type { SealedBodies } from '../../archive/body-store.ts'

export class MemoryBodies {
  /** Oldest first, as a Map keeps them. */
  readonly #kept = new Map<string, SealedBodies>()

  get all(): readonly SealedBodies[] {
    return [...this.#kept.values()]
  }

  put(batch: readonly SealedBodies[]): void {
    for (const one of batch) {
      this.#kept.delete(one.exchangeId)
      this.#kept.set(one.exchangeId, one)
    }
  }

  find(exchangeId: string, nowMs: number): SealedBodies | undefined {
    const found = this.#kept.get(exchangeId)
    return found !== undefined && found.expiresAtMs > nowMs ? found : undefined
  }

  sweep(nowMs: number, bytesMax: number): number {
    const before = this.#kept.size
    let bytes = 0
    for (const [id, { expiresAtMs, sealed }] of this.#kept) {
      if (expiresAtMs <= nowMs) this.#kept.delete(id)
      else bytes += sealed.length
    }
    for (const [id, { sealed }] of this.#kept) {
      if (bytes <= bytesMax) break
      bytes -= sealed.length
      this.#kept.delete(id)
    }
    return before - this.#kept.size
  }
}
