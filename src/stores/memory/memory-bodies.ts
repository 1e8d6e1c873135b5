/** The bodies of a memory store. */

import type { SealedBodies } from '../../archive/body-store.ts'
import { sweepKept } from './sweep-kept.ts'

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
    return sweepKept(this.#kept, {
      nowMs,
      bytesMax,
      bytesOf: ({ sealed }) => sealed.length,
    })
  }
}
