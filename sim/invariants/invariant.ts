/** What must hold in every history, and how a breach of it is told. */

import type { Facts } from '../facts.ts'

export type InvariantId = `I${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11}`

export interface Invariant {
  readonly id: InvariantId
  readonly title: string
  /** Every breach of it, as a sentence with the ids that are needed to find it. */
  check(facts: Facts): readonly string[]
}

export interface Breach {
  readonly invariant: InvariantId
  readonly message: string
}
