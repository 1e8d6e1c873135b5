/** Reads more rows than one page holds, for a table that somebody takes away. */

import type { Page } from './report-store.ts'

export interface Gathering<Row> {
  /** Rows of one page. */
  readonly pageMax: number
  /** Of all pages together. */
  readonly rowsMax: number
  readonly cursor?: string | undefined
  readonly page: (query: { readonly limit: number; readonly cursor?: string }) => Promise<Page<Row>>
}

/** As one page: `next` where there is more than `rowsMax`. */
export async function gatherPages<Row>({
  pageMax,
  rowsMax,
  cursor,
  page,
}: Gathering<Row>): Promise<Page<Row>> {
  const rows: Row[] = []
  let next = cursor
  do {
    const limit = Math.min(pageMax, rowsMax - rows.length)
    const read = await page({ limit, ...(next !== undefined && { cursor: next }) })
    rows.push(...read.rows)
    next = read.next
  } while (next !== undefined && rows.length < rowsMax)
  return { rows, ...(next !== undefined && { next }) }
}
