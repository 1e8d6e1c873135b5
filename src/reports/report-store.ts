/** What can be asked of the books: a port. Answers are for people and may wait; nothing on the path of a request asks. */

import type { LedgerEntry, RequestRow } from '../ledger/entry.ts'
import type { AuditLine } from '../std/audit.ts'
import type { KeyIds } from './key-ids.ts'

/** By what spending is told apart. */
export type SpendDimension =
  | 'key'
  | 'project'
  | 'team'
  | 'user'
  | 'end-user'
  | 'tag'
  | 'session'
  | 'route'
  | 'model'
  | 'target'
  | 'provider'
  | 'hour'
  | 'day'
  | 'month'

export interface SpendQuery {
  /** From this moment on, and before that one, ms since 1970. Whole hours are answered from sums kept beforehand. */
  readonly fromMs: number
  readonly untilMs: number
  /** At most three; none: one row for everything. */
  readonly by: readonly SpendDimension[]
  /** Only entries that have this value (an id for key, project, team, user). */
  readonly where?: Readonly<
    Partial<Record<Exclude<SpendDimension, 'key' | 'hour' | 'day' | 'month'>, string>>
  > & {
    /** Any of them. */
    readonly key?: KeyIds
  }
  readonly rowsMax: number
}

export interface SpendRow {
  /** As `by`, in its order; `undefined` for entries without one. Times are ISO 8601 (UTC). */
  readonly group: readonly (string | undefined)[]
  /** Attempts. */
  readonly entries: number
  readonly costNanoUsd: number
  /** Of that: what failed or lost a race. */
  readonly wasteNanoUsd: number
  /** Of that: what nobody reported. */
  readonly estimatedNanoUsd: number
  /** Attempts whose price is not known; they are in no sum. */
  readonly unpriced: number
  readonly inputTokens: number
  readonly outputTokens: number
}

export interface RequestQuery {
  readonly fromMs?: number
  readonly untilMs?: number
  /** Only those that ended at this moment or later, ms since 1970. Every row of the time asked for is looked at. */
  readonly endedFromMs?: number
  /** Any of them. */
  readonly keyId?: KeyIds
  readonly projectId?: string
  /** The team it was charged to. */
  readonly teamId?: string
  /** The user the key belongs to. */
  readonly userId?: string
  readonly sessionId?: string
  readonly endUser?: string
  readonly tag?: string
  readonly modelId?: string
  readonly route?: string
  readonly target?: string
  /** Any of its attempts went there, whichever target it was answered by in the end. */
  readonly provider?: string
  readonly state?: string
  readonly code?: string
  /** As the page before told it; newest first. */
  readonly cursor?: string
  readonly limit: number
}

export interface Page<Row> {
  readonly rows: readonly Row[]
  /** Where the next page begins; absent on the last one. */
  readonly next?: string
}

export interface ReportStore {
  /** The costliest group first; by time, the earliest. Of equal ones the first by their words, where none comes before all. */
  spend(query: SpendQuery): Promise<readonly SpendRow[]>
  requests(query: RequestQuery): Promise<Page<RequestRow>>
  /** A request and its attempts, in order; `undefined` where there is none. */
  request(
    exchangeId: string,
  ): Promise<{ readonly request: RequestRow; readonly attempts: readonly LedgerEntry[] } | undefined>
  /** Newest first; `cursor` as the page before told it. */
  auditLines(query: { readonly cursor?: string; readonly limit: number }): Promise<Page<AuditLine>>
}
