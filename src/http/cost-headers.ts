/** What a request cost, as every answer says it whose cost is known when it begins, errors among them. */

import type { Cost } from '../ledger/cost.ts'
import { formatUsd } from '../ledger/usd.ts'

/** Name and value by turns. The basis of a cost that nobody knows says nothing. */
export function pushCostHeaders(headers: string[], { nanoUsd, basis }: Cost): void {
  headers.push('x-holdfast-cost-usd', formatUsd(nanoUsd))
  if (nanoUsd !== undefined) headers.push('x-holdfast-cost-basis', basis)
}
