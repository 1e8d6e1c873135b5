/** What searches of the web cost that a provider makes by itself: they are sold by the search, beside the tokens. */

import type { SearchPrices, SearchSize } from './prices.ts'

/** Queries that are held for where nobody says how many the model may make. */
export const SEARCHES_UNASKED = 4

/**
 * Of so many queries, in trillionths of a US dollar: of those that an answer tells, or the most that a request lets the
 * provider make. A model that searches for every request tells of none.
 */
export function searchFee(
  queries: number,
  search: SearchPrices | undefined,
  size: SearchSize | undefined,
): number {
  if (search === undefined) return 0
  const price = search[size ?? search.usualSize]
  if (search.isAlways) return price
  return search.per === 'request' ? price * Math.min(queries, 1) : price * queries
}
