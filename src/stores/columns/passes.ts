/** Adds up blocks in as many passes as keep what is in memory bounded: each over the groups that no other pass sees. */

import type { SpendQuery, SpendRow } from '../../reports/report-store.ts'
import { compareRows, type Share, type ShareDimension } from './column-sums.ts'
import { isTime } from './dimensions.ts'

export interface SpendBounds {
  /** Where sums of hours tell as well, they are read instead of more entries in columns than this. */
  readonly columnsMax: number
  /** Entries added up in one pass, where each may be a group: some 100 bytes of memory each, and its words. */
  readonly passMax: number
}
const COLUMNS_MAX = 2_000_000
const PASS_MAX = 4_000_000
export const SPEND_BOUNDS: SpendBounds = { columnsMax: COLUMNS_MAX, passMax: PASS_MAX }

/** For each pass its share, which is for `ColumnSums`. `entries`: that the blocks have, and may be more than count. */
export function passesOf(
  { by }: SpendQuery,
  entries: number,
  { passMax }: Pick<SpendBounds, 'passMax'>,
): readonly (Share | undefined)[] {
  const dimension = shareDimensionOf(by)
  const of = Math.ceil(entries / passMax)
  // Told apart by time alone, there are no more groups than hours.
  if (of <= 1 || dimension === undefined) return [undefined]
  return Array.from({ length: of }, (_, place) => ({ dimension, place, of }))
}

/** What may have the most words, since these are what is divided. */
function shareDimensionOf(by: SpendQuery['by']): ShareDimension | undefined {
  const own = (['session', 'end-user', 'tag'] as const).find((dimension) => by.includes(dimension))
  return own ?? by.find((dimension): dimension is ShareDimension => !isTime(dimension))
}

/** The rows of all passes as those of one. */
export function joinPasses(
  { by, rowsMax }: SpendQuery,
  passes: readonly (readonly SpendRow[])[],
): readonly SpendRow[] {
  const [only = [], ...others] = passes
  if (others.length === 0) return only
  return passes
    .flat()
    .sort((one, other) => compareRows(by, one, other))
    .slice(0, rowsMax)
}
