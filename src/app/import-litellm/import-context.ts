/** What every part of an import writes into. */

import type { Fields, Findings } from './findings.ts'
import type { PriceBook } from './price-book.ts'
import type { ProviderBook } from './provider-book.ts'
import type { References } from './reference.ts'

export interface ImportContext {
  readonly findings: Findings
  readonly references: References
  readonly providers: ProviderBook
  readonly prices: PriceBook
  /** Sets of connection fields by name (`credential_list`). */
  readonly credentials: ReadonlyMap<string, Fields>
  /** Commands to run afterwards. */
  readonly steps: string[]
}
