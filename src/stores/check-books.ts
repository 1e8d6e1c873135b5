/** What no store takes into its books: sums that are no whole number of nano-dollars a double holds exactly. */

import type { LedgerEntry, RequestRow } from '../ledger/entry.ts'

/** Throws a `RangeError` that names the line: posting it again would fail again. */
export function checkBooks({
  entries,
  requests,
}: {
  readonly entries: readonly LedgerEntry[]
  readonly requests: readonly RequestRow[]
}): void {
  for (const { exchangeId, attempt, costNanoUsd } of entries)
    if (!isSum(costNanoUsd)) throw unfit(`Attempt ${attempt} of ${exchangeId}`, costNanoUsd)
  for (const { exchangeId, costNanoUsd } of requests)
    if (!isSum(costNanoUsd)) throw unfit(`Request ${exchangeId}`, costNanoUsd)
}

function isSum(nanoUsd: number | undefined): boolean {
  return nanoUsd === undefined || (Number.isSafeInteger(nanoUsd) && nanoUsd >= 0)
}

function unfit(line: string, nanoUsd: number | undefined): RangeError {
  return new RangeError(
    `${line} costs ${nanoUsd} nano-dollars: the books take whole numbers from 0 to ${Number.MAX_SAFE_INTEGER}.`,
  )
}
