/** Collects what could not be said, each field once. */

import type { Loss } from '../../canonical/loss.ts'

export class Losses {
  readonly #byField = new Map<string, Loss>()

  add(field: string, reason: string): void {
    if (!this.#byField.has(field)) this.#byField.set(field, { field, reason })
  }

  get all(): readonly Loss[] {
    return [...this.#byField.values()]
  }
}
