/** Collects what could not be said, each field once. */

import type { Loss } from '../../canonical/loss.ts'

export class LossList {
  readonly #losses = new Map<string, Loss>()

  add(field: string, reason: string): void {
    if (!this.#losses.has(field)) this.#losses.set(field, { field, reason })
  }

  get list(): readonly Loss[] {
    return [...this.#losses.values()]
  }
}
