/** What the contract suites of stores fill a store with: records that are whole, and as small as they can be. */

import type { SealedBodies } from '../../archive/body-store.ts'
import type { CachedAnswer } from '../../cache/cache-store.ts'
import type { JournalRecord } from '../../journal/journal-store.ts'
import type {
  KeyId,
  KeyRecord,
  ProjectId,
  ProjectRecord,
  TeamId,
  TeamRecord,
  UserId,
  UserRecord,
} from '../../keys/records.ts'
import type { Budget, BudgetId } from '../../ledger/budget.ts'
import type { Charge, LedgerEntry, RequestRow } from '../../ledger/entry.ts'
import type { NanoUsd } from '../../ledger/prices.ts'
import type { SpendQuery } from '../../reports/report-store.ts'
import type { AuditNote } from '../../std/audit.ts'
import type { Store } from '../store.ts'

/** A store of its own for each test. */
export interface StoreFixture {
  readonly store: Store
  /** A second one over the same data, as another process has it; absent where there is no such thing. */
  readonly openAnother?: () => Promise<Store>
  /** Closes every store it opened and removes what they kept. */
  dispose(): Promise<void>
}

export type OpenFixture = () => Promise<StoreFixture>

/** Runs with a store of its own, and tidies up whatever happens. */
export async function withStore<Result>(
  open: OpenFixture,
  use: (store: Store, fixture: StoreFixture) => Promise<Result>,
): Promise<Result> {
  const fixture = await open()
  try {
    return await use(fixture.store, fixture)
  } finally {
    await fixture.dispose()
  }
}

/** 17 November 2026, 10:00 UTC: the beginning of an hour. */
export const HOUR_MS = Date.UTC(2026, 10, 17, 10)
export const ONE_HOUR_MS = 3_600_000
export const DAY_MS = 24 * ONE_HOUR_MS

export function nano(value: number): NanoUsd {
  // Sound: the suites write whole numbers, or mean not to.
  return value as NanoUsd
}

export function user(id: string, fields: Partial<UserRecord> = {}): UserRecord {
  // Sound: an id of a test.
  return {
    id: id as UserId,
    name: `name of ${id}`,
    role: 'member',
    isService: false,
    createdAtMs: HOUR_MS,
    ...fields,
  }
}

export function team(id: string, fields: Partial<TeamRecord> = {}): TeamRecord {
  // Sound: an id of a test.
  return { id: id as TeamId, name: `name of ${id}`, createdAtMs: HOUR_MS, ...fields }
}

export function project(id: string, fields: Partial<ProjectRecord> = {}): ProjectRecord {
  // Sound: an id of a test.
  return { id: id as ProjectId, name: `name of ${id}`, createdAtMs: HOUR_MS, ...fields }
}

export function key(id: string, fields: Partial<KeyRecord> = {}): KeyRecord {
  // Sound: an id of a test.
  return {
    id: id as KeyId,
    kind: 'data',
    name: `name of ${id}`,
    hash: `hash of ${id}`,
    hint: 'wxyz',
    scopes: {},
    createdAtMs: HOUR_MS,
    ...fields,
  }
}

export function budget(id: string, limitNanoUsd: number, fields: Partial<Budget> = {}): Budget {
  // Sound: an id of a test.
  return {
    id: id as BudgetId,
    name: `name of ${id}`,
    scope: { kind: 'all', id: '' },
    period: 'total',
    limitNanoUsd: nano(limitNanoUsd),
    createdAtMs: HOUR_MS,
    ...fields,
  }
}

export function charge(budgetId: string, periodStartMs = 0): Charge {
  // Sound: an id of a test.
  return { budgetId: budgetId as BudgetId, periodStartMs }
}

export function note(subject: string, fields: Partial<AuditNote> = {}): AuditNote {
  return { atMs: HOUR_MS, actor: 'cli', action: 'put-thing', subject, ...fields }
}

/** An attempt that cost 100 nano-dollars. */
export function entry(exchangeId: string, fields: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    exchangeId,
    attempt: 1,
    atMs: HOUR_MS,
    attribution: { tags: [] },
    modelId: 'small',
    target: 'acme/small',
    provider: 'acme',
    outcome: 'completed',
    durationMs: 12.5,
    inputTokens: 10,
    outputTokens: 20,
    basis: 'reported',
    costNanoUsd: nano(100),
    isWaste: false,
    charges: [],
    ...fields,
  }
}

export function unpriced(exchangeId: string, fields: Partial<LedgerEntry> = {}): LedgerEntry {
  const { costNanoUsd: _none, ...rest } = entry(exchangeId, fields)
  return rest
}

export function row(exchangeId: string, fields: Partial<RequestRow> = {}): RequestRow {
  return {
    exchangeId,
    atMs: HOUR_MS,
    attribution: { tags: [] },
    state: 'completed',
    dialect: 'openai-chat',
    operation: 'chat',
    status: 200,
    stream: false,
    attempts: 1,
    requestBytes: 100,
    responseBytes: 200,
    durationMs: 13.25,
    isSimulated: false,
    ...fields,
  }
}

export function journalRecord(id: string, fields: Partial<JournalRecord> = {}): JournalRecord {
  return {
    id,
    requestHash: `hash of ${id}`,
    exchangeId: `exchange of ${id}`,
    nodeId: 'node_1',
    state: 'open',
    createdAtMs: HOUR_MS,
    expiresAtMs: HOUR_MS + ONE_HOUR_MS,
    ...fields,
  }
}

export function sealedBodies(exchangeId: string, fields: Partial<SealedBodies> = {}): SealedBodies {
  return {
    exchangeId,
    createdAtMs: HOUR_MS,
    expiresAtMs: HOUR_MS + ONE_HOUR_MS,
    sealed: bytes(`bodies of ${exchangeId}`),
    ...fields,
  }
}

export function cached(id: string, fields: Partial<CachedAnswer> = {}): CachedAnswer {
  return {
    id,
    tenant: 'tenant_1',
    createdAtMs: HOUR_MS,
    expiresAtMs: HOUR_MS + ONE_HOUR_MS,
    answer: bytes(`answer of ${id}`),
    ...fields,
  }
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** In the order of their ids: a store gives records in an order of its own. */
export function byId<Record extends { readonly id: string }>(records: readonly Record[]): readonly Record[] {
  return [...records].sort((one, other) => (one.id < other.id ? -1 : 1))
}

/** Of everything that the suites post, unless `query` says otherwise. */
export function spend(store: Store, query: Partial<SpendQuery> = {}) {
  return store.spend({
    fromMs: HOUR_MS - DAY_MS,
    untilMs: HOUR_MS + 60 * DAY_MS,
    by: [],
    rowsMax: 100,
    ...query,
  })
}

export function post(
  store: Store,
  entries: readonly LedgerEntry[],
  requests: readonly RequestRow[] = [],
): Promise<void> {
  return store.postBooks({ nodeId: 'node_1', entries, requests })
}
