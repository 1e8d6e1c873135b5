/** Lines of the books on their way to the store: many in one transaction, and none held up by one that the store refuses. */

import { describeDefect } from '../errors/describe-defect.ts'
import type { Notice } from '../std/notice.ts'
import { StoreSchemaError, StoreUnavailable } from '../std/store-error.ts'
import type { LedgerEntry, RequestRow } from './entry.ts'

/** What the store takes: an attempt that was settled, or a request that was closed. */
export type PostableLine =
  | { readonly entry: LedgerEntry; readonly request?: undefined }
  | { readonly request: RequestRow; readonly entry?: undefined }

export interface PostTo<Line> {
  post(entries: readonly LedgerEntry[], requests: readonly RequestRow[]): Promise<void>
  /** The store refuses this line whatever happens. */
  onRefused(line: Line, cause: unknown): void
}

/**
 * Where the lines are refused, their halves are posted apart, down to the line that is. Rejects with `StoreUnavailable` and
 * `StoreSchemaError` only: a store that another version has changed says nothing against a line, and whoever is started anew takes it.
 */
export async function postLines<Line extends PostableLine>(
  lines: readonly Line[],
  to: PostTo<Line>,
): Promise<void> {
  const entries: LedgerEntry[] = []
  const requests: RequestRow[] = []
  for (const { entry, request } of lines) {
    if (entry === undefined) requests.push(request)
    else entries.push(entry)
  }
  try {
    await to.post(entries, requests)
  } catch (cause) {
    if (cause instanceof StoreUnavailable || cause instanceof StoreSchemaError) throw cause
    const [first] = lines
    if (first === undefined) return
    if (lines.length === 1) return to.onRefused(first, cause)
    const middle = Math.ceil(lines.length / 2)
    await postLines(lines.slice(0, middle), to)
    await postLines(lines.slice(middle), to)
  }
}

/** Such a line stands nowhere else from now on: whoever reads the log can bring it in by hand. */
export function noticeOfRefused({ entry, request }: PostableLine, cause: unknown): Notice {
  const line = entry ?? request
  return {
    level: 'error',
    name: 'books_line_refused',
    message:
      'The store refuses a line of the books, a defect of the gateway; the line is in this notice alone.',
    facts: { exchangeId: line.exchangeId, ...describeDefect(cause), line: JSON.stringify(line) },
  }
}
