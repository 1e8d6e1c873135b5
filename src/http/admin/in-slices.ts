/** Long lists are worked through in slices, so that requests, which share the thread, wait a few milliseconds at most. */

/** Rows that are worked on at one time. */
const SLICE_ROWS = 250

export async function mapInSlices<Row, Result>(
  rows: readonly Row[],
  map: (row: Row) => Result,
): Promise<readonly Result[]> {
  const results: Result[] = []
  for (let from = 0; from < rows.length; from += SLICE_ROWS) {
    if (from > 0) await new Promise<void>((resolve) => void setImmediate(resolve))
    for (const row of rows.slice(from, from + SLICE_ROWS)) results.push(map(row))
  }
  return results
}
