/**
 * The books in PostgreSQL. Locks are taken in one order everywhere: a budget, its standing, the leases of the node; of
 * several rows, by their keys. So nobody waits for somebody who waits for him.
 */

import type { Budget, BudgetId } from '../../ledger/budget.ts'
import type { Charge, LedgerEntry } from '../../ledger/entry.ts'
import type { BookBatch, BudgetStanding, LeaseAsk, LeaseGrant, NodeLease } from '../../ledger/ledger-store.ts'
import type { NanoUsd } from '../../ledger/prices.ts'
import type { AuditNote } from '../../std/audit.ts'
import { failpoint } from '../../std/failpoints.ts'
import { StoreConflict } from '../../std/store-error.ts'
import type { PeriodSpend } from '../transfer.ts'
import { entryRow, paidRows, requestRow } from './book-rows.ts'
import type { Row, Session } from './connections.ts'
import { addPosted } from './posted-columns.ts'
import { addAuditLines } from './postgres-audit.ts'
import { databaseJson, numberIn, recordIn, textIn } from './row-values.ts'

/** What was posted before is passed over; what is new comes back, and that alone is charged. */
const POST_LINES = {
  name: 'post-lines',
  text: `
WITH fresh AS (
  INSERT INTO holdfast.entries (
    exchange_id, attempt, at_ms, key, project, team, "user", end_user, session, tags,
    route, model, target, provider, cost, is_waste, basis, input_tokens, output_tokens, record)
  SELECT
    exchange_id, attempt, at_ms, key, project, team, "user", end_user, session, tags,
    route, model, target, provider, cost, is_waste, basis, input_tokens, output_tokens, record
  FROM json_to_recordset($1::json) AS entry(
    exchange_id text, attempt integer, at_ms bigint, key text, project text, team text, "user" text, end_user text,
    session text, tags text[], route text, model text, target text, provider text, cost bigint, is_waste boolean,
    basis text, input_tokens bigint, output_tokens bigint, record json)
  ORDER BY exchange_id COLLATE "C", attempt
  ON CONFLICT DO NOTHING
  RETURNING exchange_id, attempt
), kept AS (
  INSERT INTO holdfast.requests (
    exchange_id, at_ms, key, project, end_user, session, tags, model, route, target, state, code, record)
  SELECT exchange_id, at_ms, key, project, end_user, session, tags, model, route, target, state, code, record
  FROM json_to_recordset($2::json) AS request(
    exchange_id text, at_ms bigint, key text, project text, end_user text, session text, tags text[], model text,
    route text, target text, state text, code text, record json)
  ORDER BY exchange_id COLLATE "C"
  ON CONFLICT DO NOTHING
)
SELECT exchange_id, attempt FROM fresh`,
}

/** The rows are locked in their order. */
const SPEND = {
  name: 'spend',
  text: `
INSERT INTO holdfast.standings AS standing (budget_id, period_start_ms, spent)
SELECT budget_id, period_start_ms, nano
FROM json_to_recordset($1::json) AS paid(budget_id text, period_start_ms bigint, nano bigint)
ORDER BY budget_id COLLATE "C", period_start_ms
ON CONFLICT (budget_id, period_start_ms) DO UPDATE SET spent = standing.spent + excluded.spent`,
}

/** The standings are locked by then, and with them the leases of every node. */
const SHRINK = `
used AS (
  SELECT node_id, budget_id, period_start_ms, lease.nano - least(lease.nano, taken.nano) AS kept,
    least(lease.nano, taken.nano) AS nano
  FROM holdfast.leases AS lease
  JOIN json_to_recordset($2::json) AS taken(budget_id text, period_start_ms bigint, nano bigint)
    USING (budget_id, period_start_ms)
  WHERE node_id = $1 AND taken.nano > 0
), gone AS (
  DELETE FROM holdfast.leases AS lease USING used
  WHERE (lease.node_id, lease.budget_id, lease.period_start_ms)
    = (used.node_id, used.budget_id, used.period_start_ms) AND used.kept = 0
), shrunk AS (
  UPDATE holdfast.leases AS lease SET nano = used.kept FROM used
  WHERE (lease.node_id, lease.budget_id, lease.period_start_ms)
    = (used.node_id, used.budget_id, used.period_start_ms) AND used.kept > 0
), freed AS (
  UPDATE holdfast.standings AS standing SET leased = standing.leased - used.nano FROM used
  WHERE (standing.budget_id, standing.period_start_ms) = (used.budget_id, used.period_start_ms)
)`
export const SHRINK_LEASES = { name: 'shrink-leases', text: `WITH ${SHRINK} SELECT 1` }

/**
 * One statement decides and takes, on the row as it is once it is locked: two nodes can never be granted what is there
 * once. The budget is locked too, so that a limit that is being changed is one that was, or one that will be.
 */
const LEASE = {
  name: 'lease',
  text: `
WITH budget AS MATERIALIZED (
  SELECT id, limit_nano FROM holdfast.budgets WHERE id = $2 AND NOT is_removed FOR SHARE
), standing AS (
  INSERT INTO holdfast.standings AS standing (budget_id, period_start_ms, leased, granted)
  SELECT id, $3, grant_of.nano, grant_of.nano FROM budget,
    LATERAL (SELECT CASE WHEN limit_nano >= $4::bigint THEN least(limit_nano, $5::bigint) ELSE 0 END AS nano) AS grant_of
  ON CONFLICT (budget_id, period_start_ms) DO UPDATE SET (leased, granted) = (
    SELECT standing.leased + nano, nano FROM (
      SELECT CASE WHEN room >= $4::bigint THEN greatest(0, least(room, $5::bigint)) ELSE 0 END AS nano
      FROM (SELECT limit_nano - standing.spent - standing.leased AS room FROM budget) AS left_over) AS grant_of)
  RETURNING budget_id, period_start_ms, spent, leased, granted
), lease AS (
  INSERT INTO holdfast.leases AS lease (node_id, budget_id, period_start_ms, nano)
  SELECT $1, budget_id, period_start_ms, granted FROM standing WHERE granted > 0
  ON CONFLICT (node_id, budget_id, period_start_ms) DO UPDATE SET nano = lease.nano + excluded.nano
)
SELECT standing.*, limit_nano FROM standing, budget`,
}

/** One that another transaction is about to make is waited for, too: a row that is not there yet cannot be locked. */
const LOCK_STANDING = {
  text: `
INSERT INTO holdfast.standings AS standing (budget_id, period_start_ms)
SELECT id, $2::bigint FROM holdfast.budgets WHERE id = $1
ON CONFLICT (budget_id, period_start_ms) DO UPDATE SET spent = standing.spent`,
}
const LEASES_OF = {
  text: `
SELECT budget_id, period_start_ms, nano FROM holdfast.leases WHERE node_id = $1 ORDER BY budget_id, period_start_ms`,
}
const STANDINGS = {
  text: `
SELECT asked.budget_id, asked.period_start_ms, limit_nano, coalesce(spent, 0) AS spent, coalesce(leased, 0) AS leased
FROM json_to_recordset($1::json) AS asked(place integer, budget_id text, period_start_ms bigint)
JOIN holdfast.budgets ON id = asked.budget_id
LEFT JOIN holdfast.standings AS standing
  ON standing.budget_id = asked.budget_id AND standing.period_start_ms = asked.period_start_ms
ORDER BY asked.place`,
}
const BUDGETS = { text: 'SELECT record FROM holdfast.budgets ORDER BY place' }
const BUDGETS_REVISION = {
  name: 'budgets-revision',
  text: `SELECT value FROM holdfast.counters WHERE name = 'budgets'`,
}
export const COUNT_BUDGETS = {
  text: `UPDATE holdfast.counters SET value = value + 1 WHERE name = 'budgets' RETURNING value`,
}
const PUT_BUDGET = {
  text: `
INSERT INTO holdfast.budgets (id, limit_nano, is_removed, record) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET
  limit_nano = excluded.limit_nano, is_removed = excluded.is_removed, record = excluded.record`,
}

const TAKE_PERIODS = {
  text: `
INSERT INTO holdfast.standings (budget_id, period_start_ms, spent)
SELECT "budgetId", "periodStartMs", "spentNanoUsd"
FROM json_to_recordset($1::json) AS period("budgetId" text, "periodStartMs" bigint, "spentNanoUsd" bigint)
ON CONFLICT (budget_id, period_start_ms) DO UPDATE SET spent = excluded.spent`,
}
const SPENT_AT_LEAST = {
  text: `
INSERT INTO holdfast.standings AS standing (budget_id, period_start_ms, spent)
SELECT "budgetId", "periodStartMs", "spentNanoUsd"
FROM json_to_recordset($1::json) AS period("budgetId" text, "periodStartMs" bigint, "spentNanoUsd" bigint)
JOIN holdfast.budgets ON id = "budgetId"
ORDER BY "budgetId" COLLATE "C", "periodStartMs"
ON CONFLICT (budget_id, period_start_ms) DO UPDATE SET spent = greatest(standing.spent, excluded.spent)`,
}
/** Beside the revisions, since it only grows, too. */
const CHARGED_UNTIL = { text: `SELECT value FROM holdfast.counters WHERE name = 'charged-until'` }
const RAISE_CHARGED_UNTIL = {
  text: `
INSERT INTO holdfast.counters AS counter VALUES ('charged-until', $1)
ON CONFLICT (name) DO UPDATE SET value = greatest(counter.value, excluded.value)`,
}
/** What a node has leased and what it says that it has, by budget and period. */
const CHANGED_LEASES = `
told AS (
  SELECT "budgetId" AS budget_id, "periodStartMs" AS period_start_ms, "nanoUsd" AS nano
  FROM json_to_recordset($2::json) AS lease("budgetId" text, "periodStartMs" bigint, "nanoUsd" bigint)
), had AS (
  SELECT budget_id, period_start_ms, nano FROM holdfast.leases WHERE node_id = $1
), changed AS (
  SELECT budget_id, period_start_ms, coalesce(told.nano, 0) AS nano, coalesce(told.nano, 0) - coalesce(had.nano, 0) AS more
  FROM told FULL JOIN had USING (budget_id, period_start_ms) JOIN holdfast.budgets ON id = budget_id
)`
/** Those of which the node has a lease, and others; also those that are not there yet. In the order of everybody. */
const LOCK_STANDINGS = {
  text: `
INSERT INTO holdfast.standings AS standing (budget_id, period_start_ms)
SELECT budget_id, period_start_ms FROM (
  SELECT budget_id, period_start_ms FROM holdfast.leases WHERE node_id = $1
  UNION
  SELECT "budgetId", "periodStartMs" FROM json_to_recordset($2::json) AS charge("budgetId" text, "periodStartMs" bigint)
) AS charge JOIN holdfast.budgets ON id = budget_id
ORDER BY budget_id COLLATE "C", period_start_ms
ON CONFLICT (budget_id, period_start_ms) DO UPDATE SET spent = standing.spent`,
}
const REPLACE_LEASES = {
  text: `
WITH ${CHANGED_LEASES}, added AS (
  UPDATE holdfast.standings AS standing SET leased = standing.leased + changed.more FROM changed
  WHERE (standing.budget_id, standing.period_start_ms) = (changed.budget_id, changed.period_start_ms)
), gone AS (
  DELETE FROM holdfast.leases AS lease USING changed
  WHERE node_id = $1 AND changed.nano = 0
    AND (lease.budget_id, lease.period_start_ms) = (changed.budget_id, changed.period_start_ms)
)
INSERT INTO holdfast.leases AS lease (node_id, budget_id, period_start_ms, nano)
SELECT $1, budget_id, period_start_ms, nano FROM changed WHERE nano > 0
ON CONFLICT (node_id, budget_id, period_start_ms) DO UPDATE SET nano = excluded.nano`,
}
const PUT_BUDGETS = {
  text: `
INSERT INTO holdfast.budgets (id, limit_nano, is_removed, record)
SELECT id, "limitNanoUsd", "removedAtMs" IS NOT NULL, record
FROM (
  SELECT record ->> 'id' AS id, (record ->> 'limitNanoUsd')::bigint AS "limitNanoUsd",
    record ->> 'removedAtMs' AS "removedAtMs", record
  FROM json_array_elements($1::json) AS record) AS budget
ORDER BY id COLLATE "C"
ON CONFLICT (id) DO UPDATE SET
  limit_nano = excluded.limit_nano, is_removed = excluded.is_removed, record = excluded.record`,
}
const RAISE_BUDGETS = {
  text: `UPDATE holdfast.counters SET value = greatest(value + 1, $1) WHERE name = 'budgets'`,
}
const TAKE_LEASES = {
  text: `
INSERT INTO holdfast.leases (node_id, budget_id, period_start_ms, nano)
SELECT "nodeId", "budgetId", "periodStartMs", "nanoUsd"
FROM json_to_recordset($1::json) AS lease("nodeId" text, "budgetId" text, "periodStartMs" bigint, "nanoUsd" bigint)
ON CONFLICT (node_id, budget_id, period_start_ms) DO UPDATE SET nano = excluded.nano`,
}
const ADD_UP_LEASES = {
  text: `
UPDATE holdfast.standings AS standing SET leased = (
  SELECT coalesce(sum(nano), 0) FROM holdfast.leases AS lease
  WHERE (lease.budget_id, lease.period_start_ms) = (standing.budget_id, standing.period_start_ms))`,
}

/** Inside a transaction. How many entries were new. */
export async function postBooks(
  session: Session,
  { nodeId, entries, requests, postedUntilMs = 0 }: BookBatch,
): Promise<number> {
  const fresh = await keepLines(session, { entries, requests })
  if (fresh.length === 0) return 0
  const untilMs = postedUntilMs === 0 ? 0 : Math.min(postedUntilMs, await chargedUntilMs(session))
  const paid = paidRows(fresh.filter(({ atMs }) => atMs >= untilMs))
  if (paid.length > 0) {
    const text = databaseJson(paid)
    await session.run(SPEND, [text])
    await session.run(SHRINK_LEASES, [nodeId, text])
  }
  await addPosted(session, fresh)
  failpoint('posting')
  return fresh.length
}

type Lines = Pick<BookBatch, 'entries' | 'requests'>

/** Those of the entries that were not there before. */
async function keepLines(session: Session, { entries, requests }: Lines): Promise<readonly LedgerEntry[]> {
  if (entries.length + requests.length === 0) return []
  const rows = [databaseJson(entries.map(entryRow)), databaseJson(requests.map(requestRow))]
  return freshOf(entries, await session.query(POST_LINES, rows))
}

/** An entry that stands in a batch twice is one entry: the first. */
function freshOf(entries: readonly LedgerEntry[], inserted: readonly Row[]): readonly LedgerEntry[] {
  const ids = new Set(inserted.map((row) => `${textIn(row, 'exchange_id')}\n${numberIn(row, 'attempt')}`))
  return entries.filter(({ exchangeId, attempt }) => ids.delete(`${exchangeId}\n${attempt}`))
}

export async function loadBudgets(session: Session): Promise<readonly Budget[]> {
  return (await session.query(BUDGETS)).map((row) => recordIn<Budget>(row))
}

export async function budgetsRevision(session: Session): Promise<number> {
  const [row] = await session.query(BUDGETS_REVISION)
  return numberIn(row, 'value')
}

/** Inside a transaction. */
export async function putBudget(
  session: Session,
  budget: Budget,
  notes: readonly AuditNote[],
  expectedRevision?: number,
): Promise<void> {
  // Counting first makes every other change wait until this one is over.
  const [row] = await session.query(COUNT_BUDGETS)
  const before = numberIn(row, 'value') - 1
  if (expectedRevision !== undefined && expectedRevision !== before)
    throw new StoreConflict(`The budgets are at revision ${before}, not ${expectedRevision}.`)
  const isRemoved = budget.removedAtMs !== undefined
  await session.run(PUT_BUDGET, [budget.id, budget.limitNanoUsd, isRemoved, databaseJson(budget)])
  await addAuditLines(session, notes)
}

/** Inside a transaction: where the connection breaks off among several, none of them is taken for nothing. */
export async function lease(session: Session, asks: readonly LeaseAsk[]): Promise<readonly LeaseGrant[]> {
  const grants: LeaseGrant[] = []
  const inOrder = asks.map((ask, place) => ({ ask, place })).sort(byCharge)
  for (const { ask, place } of inOrder) grants[place] = await grant(session, ask)
  return grants
}

function byCharge(
  { ask: { charge: one } }: { ask: LeaseAsk },
  { ask: { charge: other } }: { ask: LeaseAsk },
) {
  if (one.budgetId === other.budgetId) return one.periodStartMs - other.periodStartMs
  return one.budgetId < other.budgetId ? -1 : 1
}

async function grant(session: Session, ask: LeaseAsk): Promise<LeaseGrant> {
  const { nodeId, charge, needNanoUsd, wantNanoUsd } = ask
  const values = [nodeId, charge.budgetId, charge.periodStartMs, needNanoUsd, wantNanoUsd]
  const [row] = await session.query(LEASE, values)
  if (row === undefined) return { grantedNanoUsd: nano(0), standing: undefined }
  return { grantedNanoUsd: nano(numberIn(row, 'granted')), standing: standingOf(row) }
}

/** Inside a transaction. */
export async function returnLease(
  session: Session,
  nodeId: string,
  { budgetId, periodStartMs }: Charge,
  nanoUsd: NanoUsd,
): Promise<void> {
  await session.run(LOCK_STANDING, [budgetId, periodStartMs])
  const back = [{ budget_id: budgetId, period_start_ms: periodStartMs, nano: nanoUsd }]
  await session.run(SHRINK_LEASES, [nodeId, databaseJson(back)])
}

export async function leasesOf(
  session: Session,
  nodeId: string,
): Promise<readonly (Charge & { readonly nanoUsd: NanoUsd })[]> {
  const rows = await session.query(LEASES_OF, [nodeId])
  return rows.map((row) => ({ ...chargeOf(row), nanoUsd: nano(numberIn(row, 'nano')) }))
}

export async function standings(
  session: Session,
  charges: readonly Charge[],
): Promise<readonly BudgetStanding[]> {
  const asked = charges.map(({ budgetId, periodStartMs }, place) => ({
    place,
    budget_id: budgetId,
    period_start_ms: periodStartMs,
  }))
  return (await session.query(STANDINGS, [databaseJson(asked)])).map(standingOf)
}

/** Takes lines of a copy: what they cost stands in its periods. Inside a transaction, as all that follows. */
export async function takeLines(session: Session, lines: Lines): Promise<void> {
  const fresh = await keepLines(session, lines)
  if (fresh.length > 0) await addPosted(session, fresh)
}

export async function takeBudgets(session: Session, budgets: readonly Budget[]): Promise<void> {
  for (const budget of budgets) await putBudget(session, budget, [])
}

export async function takePeriods(session: Session, periods: readonly PeriodSpend[]): Promise<void> {
  await session.run(TAKE_PERIODS, [databaseJson(periods)])
}

export async function takeLeases(session: Session, leases: readonly NodeLease[]): Promise<void> {
  await session.run(TAKE_LEASES, [databaseJson(leases)])
  await session.run(ADD_UP_LEASES)
}

/** Budgets as a node knew them, which are at least at `revision` then. */
export async function takeKnownBudgets(
  session: Session,
  budgets: readonly Budget[],
  revision: number,
): Promise<void> {
  await session.run(RAISE_BUDGETS, [revision])
  await session.run(PUT_BUDGETS, [databaseJson(budgets)])
}

/** What a node knew to be spent, where the store knows of less. What was settled before `postedUntilMs` is in it. */
export async function takeStandings(
  session: Session,
  known: readonly PeriodSpend[],
  postedUntilMs: number,
): Promise<void> {
  await session.run(SPENT_AT_LEAST, [databaseJson(known)])
  if (known.length > 0) await session.run(RAISE_CHARGED_UNTIL, [postedUntilMs])
}

/** Entries from before this moment, ms since 1970, are in what was spent, also where they are not in the books. */
async function chargedUntilMs(session: Session): Promise<number> {
  const [row] = await session.query(CHARGED_UNTIL)
  return row === undefined ? 0 : numberIn(row, 'value')
}

/** Locks those of the charges, and of whatever the node has leased. */
export async function lockStandings(
  session: Session,
  nodeId: string | undefined,
  charges: readonly Charge[],
): Promise<void> {
  await session.run(LOCK_STANDINGS, [nodeId ?? null, databaseJson(charges)])
}

/** What the node has leased, in place of what the store has of it. The standings are locked. */
export async function replaceLeases(
  session: Session,
  nodeId: string,
  leases: readonly (Charge & { readonly nanoUsd: NanoUsd })[],
): Promise<void> {
  await session.run(REPLACE_LEASES, [nodeId, databaseJson(leases)])
}

function standingOf(row: Row): BudgetStanding {
  return {
    ...chargeOf(row),
    limitNanoUsd: nano(numberIn(row, 'limit_nano')),
    spentNanoUsd: nano(numberIn(row, 'spent')),
    leasedNanoUsd: nano(numberIn(row, 'leased')),
  }
}

export function leaseOf(row: Row): NodeLease {
  return { ...chargeOf(row), nodeId: textIn(row, 'node_id'), nanoUsd: nano(numberIn(row, 'nano')) }
}

export function chargeOf(row: Row): Charge {
  // Sound: the ids of budgets are kept as they were given.
  const budgetId = textIn(row, 'budget_id') as BudgetId
  return { budgetId, periodStartMs: numberIn(row, 'period_start_ms') }
}

function nano(value: number): NanoUsd {
  // Sound: the columns hold whole numbers of nano-dollars.
  return value as NanoUsd
}
