/** What searches of the web cost that a provider makes by itself: they are sold by the search, beside the tokens. */

import type { SearchKind, SearchPrices } from './prices.ts'

/** Queries that are held for where nobody says how many the model may make. */
export const SEARCHES_UNASKED = 4

/**
 * Of so many queries, in trillionths of a US dollar: of those that an answer tells, or the most that a request lets the
 * provider make. `undefined` where there are any and no price is known.
 */
export function searchFee(
  queries: number,
  search: SearchPrices | undefined,
  kind: SearchKind | undefined,
): number | undefined {
  if (search === undefined) return queries === 0 ? 0 : undefined
  const made = search.isAlways ? Math.max(queries, 1) : queries
  return priceOf(search, kind) * (search.per === 'request' ? Math.min(made, 1) : made)
}

function priceOf(search: SearchPrices, kind: SearchKind | undefined): number {
  const named = kind === undefined ? undefined : search[kind]
  return named ?? search[search.usualKind] ?? search.high
}
