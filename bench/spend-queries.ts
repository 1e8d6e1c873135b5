/**
 * What the books cost in a store: posting a request (its entry and its row) in batches, and asking what was spent once
 * there are many. `node bench/spend-queries.ts [requests] [sqlite|postgres]`; a million by default, in both stores where
 * PostgreSQL is on the machine. Wall time counts what else the machine does: CPU time is beside it, of the server too.
 */

import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { LedgerEntry, RequestRow } from '../src/ledger/entry.ts'
import type { NanoUsd } from '../src/ledger/prices.ts'
import type { RequestQuery, SpendQuery } from '../src/reports/report-store.ts'
import { systemClock } from '../src/std/clock.ts'
import { createSeededIds, createSeededRandom } from '../src/std/ids.ts'
import { openPostgresStore } from '../src/stores/postgres/postgres-store.ts'
import { openSqliteStore } from '../src/stores/sqlite/sqlite-store.ts'
import type { Store } from '../src/stores/store.ts'
import { findPostgres, startPostgres } from '../test/support/postgres-server.ts'
import { cpuTimeUs } from './processes.ts'
import { median } from './statistics.ts'

const HOUR_MS = 3_600_000
const DAYS = 30
const FROM_MS = Date.UTC(2026, 9, 1)
const UNTIL_MS = FROM_MS + DAYS * 24 * HOUR_MS
/** What a query may take, ms. */
const QUERY_MS_MAX = 300
const ROUNDS = 7

const random = createSeededRandom(7)
const ids = createSeededIds(random)
const oneOf = (count: number) => Math.floor(random.next() ** 2 * count)

/** A key is one program's: it has a few people, a few models and sessions that go on for an hour. */
function makeRequest(atMs: number): { readonly entry: LedgerEntry; readonly row: RequestRow } {
  const exchangeId = ids.next('req_')
  const keyNumber = oneOf(200)
  const session = oneOf(4)
  const model = (keyNumber + session) % 12
  const attribution = {
    keyId: `key_${String(keyNumber).padStart(32, '0')}`,
    keyName: `key ${keyNumber}`,
    projectId: `prj_${String(keyNumber % 40).padStart(32, '0')}`,
    teamId: `team_${String(keyNumber % 8).padStart(32, '0')}`,
    userId: `usr_${String(keyNumber % 60).padStart(32, '0')}`,
    endUser: `person-${keyNumber}-${session}-${Math.floor(atMs / HOUR_MS) % 6}`,
    sessionId: `session-${Math.floor((atMs - FROM_MS) / HOUR_MS)}-${keyNumber}-${session}`,
    tags: [`app:${keyNumber % 15}`, `stage:${oneOf(3)}`],
  }
  // Sound: a whole number.
  const costNanoUsd = (1_000 + oneOf(3_000_000)) as NanoUsd
  const common = { exchangeId, atMs, attribution, modelId: `model-${model}`, route: `route-${model % 5}` }
  const used = { inputTokens: 10 + oneOf(9_000), outputTokens: 10 + oneOf(2_000), costNanoUsd }
  const provider = `provider-${model % 4}`
  const target = `${provider}/model-${model}`
  return {
    entry: {
      ...common,
      ...used,
      attempt: 1,
      target,
      provider,
      outcome: 'completed',
      upstreamStatus: 200,
      durationMs: 800 + oneOf(9_000),
      firstTokenMs: 200 + oneOf(900),
      basis: random.next() < 0.05 ? 'estimated' : 'reported',
      isWaste: random.next() < 0.02,
      charges: [],
    },
    row: {
      ...common,
      ...used,
      target,
      state: random.next() < 0.97 ? 'completed' : 'failed',
      dialect: 'openai-chat',
      operation: 'chat',
      status: 200,
      stream: true,
      attempts: 1,
      requestBytes: 2_000,
      responseBytes: 9_000,
      durationMs: 900 + oneOf(9_000),
      overheadMs: 1.5,
      isSimulated: false,
    },
  }
}

interface Measured {
  readonly store: Store
  /** Of every thread and process that works for it, since some moment. */
  readonly cpuUs: () => number
}

function ownCpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

interface Posted {
  readonly requests: number
  readonly wallMs: number
  readonly cpuMicros: number
}

/** Posts so many, one after another in time; what making them costs is not counted. */
async function post({ store, cpuUs }: Measured, times: readonly number[], batch: number): Promise<Posted> {
  let wallMs = 0
  let cpuMicros = 0
  for (let from = 0; from < times.length; from += batch) {
    const made = times.slice(from, from + batch).map(makeRequest)
    const entries = made.map(({ entry }) => entry)
    const requests = made.map(({ row }) => row)
    const cpu = cpuUs()
    const start = performance.now()
    await store.postBooks({ nodeId: 'node_1', entries, requests })
    wallMs += performance.now() - start
    cpuMicros += cpuUs() - cpu
  }
  return { requests: times.length, wallMs, cpuMicros }
}

function timesOf(count: number, fromMs: number, untilMs: number): readonly number[] {
  return Array.from({ length: count }, (_, place) =>
    Math.floor(fromMs + ((untilMs - fromMs) * place) / count),
  )
}

function tell(what: string, { requests, wallMs, cpuMicros }: Posted): void {
  const each = (cpuMicros / requests).toFixed(1)
  const rate = Math.round((requests / wallMs) * 1_000)
  console.log(`${what.padEnd(44)} ${each.padStart(6)} µs CPU a request, ${rate} a second`)
}

const RANGE = { fromMs: FROM_MS, untilMs: UNTIL_MS, rowsMax: 100 }
/** Both ends within an hour. */
const PARTS = { fromMs: FROM_MS + 17 * 60_000, untilMs: UNTIL_MS - 29 * 60_000, rowsMax: 100 }

const SPENDS: Readonly<Record<string, SpendQuery>> = {
  everything: { ...RANGE, by: [] },
  'by key': { ...RANGE, by: ['key'] },
  'by key, model and day': { ...PARTS, by: ['key', 'model', 'day'] },
  'by team and hour': { ...PARTS, by: ['team', 'hour'] },
  'by target and month': { ...PARTS, by: ['target', 'month'] },
  'by day of one key': { ...PARTS, by: ['day'], where: { key: `key_${'0'.repeat(32)}` } },
  'by tag': { ...PARTS, by: ['tag'] },
  'by tag, project and day': { ...PARTS, by: ['tag', 'project', 'day'] },
  'by end user': { ...PARTS, by: ['end-user'] },
  'by session': { ...PARTS, by: ['session'] },
  'by model of one tag': { ...PARTS, by: ['model'], where: { tag: 'app:3' } },
  'by day of one end user': { ...PARTS, by: ['day'], where: { 'end-user': 'person-17-1-3' } },
  'by model of one session': { ...PARTS, by: ['model'], where: { session: 'session-400-3-1' } },
  'by tag of one tag': { ...PARTS, by: ['tag'], where: { tag: 'app:3' } },
  'by tag and end user': { ...PARTS, by: ['tag', 'end-user'] },
}

const PAGES: Readonly<Record<string, RequestQuery>> = {
  'the newest 50 requests': { limit: 50 },
  'the newest 50 of one key': { limit: 50, keyId: `key_${String(150).padStart(32, '0')}` },
  'the newest 50 of one session, long ago': { limit: 50, sessionId: 'session-3-3-1' },
  'the newest 50 of a tag nobody has': { limit: 50, tag: 'nobody' },
  'the newest 50 of one team': { limit: 50, teamId: `team_${String(3).padStart(32, '0')}` },
  'the newest 50 of a team nobody is in': { limit: 50, teamId: 'nobody' },
  'the newest 50 that asked one provider': { limit: 50, provider: 'provider-2' },
  'the newest 50 that asked a provider nobody asked': { limit: 50, provider: 'nobody' },
}

interface Asked {
  readonly wallsMs: readonly number[]
  /** Of all threads, and of the server: what it would take on a machine that does nothing else; of a run, on average. */
  readonly cpuMs: number
}

async function ask({ cpuUs }: Measured, work: () => Promise<unknown>): Promise<Asked> {
  const wallsMs: number[] = []
  const cpu = cpuUs()
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = performance.now()
    await work()
    wallsMs.push(performance.now() - start)
  }
  return { wallsMs, cpuMs: (cpuUs() - cpu) / 1_000 / ROUNDS }
}

function tellQuery(what: string, { wallsMs, cpuMs }: Asked): void {
  const medianMs = median(wallsMs)
  const verdict = medianMs <= QUERY_MS_MAX ? '' : `   over ${QUERY_MS_MAX} ms`
  const figures = [medianMs, Math.max(...wallsMs), cpuMs].map((ms) => ms.toFixed(1).padStart(8))
  console.log(`${what.padEnd(52)}${figures.join('')}${verdict}`)
}

async function measure(measured: Measured, count: number): Promise<void> {
  const { store } = measured
  await post(measured, timesOf(20_000, FROM_MS, FROM_MS + 1), 500)
  tell(`posting ${count}, 1,000 at a time`, await post(measured, timesOf(count, FROM_MS, UNTIL_MS), 1_000))
  for (const batch of [500, 100, 25]) {
    const now = timesOf(20_000, UNTIL_MS, UNTIL_MS + HOUR_MS)
    tell(`20,000 more, ${batch} at a time`, await post(measured, now, batch))
  }
  console.log(`${`ms of ${ROUNDS} runs:`.padEnd(52)}  median   worst     CPU`)
  for (const [what, query] of Object.entries(SPENDS))
    tellQuery(`spending ${what}`, await ask(measured, () => store.spend(query)))
  for (const [what, query] of Object.entries(PAGES))
    tellQuery(what, await ask(measured, () => store.requests(query)))
}

async function measureSqlite(count: number): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-bench-'))
  const file = path.join(folder, 'holdfast.db')
  const store = await openSqliteStore({ path: file, clock: systemClock })
  try {
    await measure({ store, cpuUs: ownCpuUs }, count)
  } finally {
    await store.close()
    console.log(`the file: ${Math.round(statSync(file).size / 1_048_576)} MiB`)
    rmSync(folder, { recursive: true })
  }
}

/** With the memory that Debian's package gives it, and nothing kept safe from a power cut: posting is not what is asked here. */
async function measurePostgres(count: number): Promise<void> {
  await using server = await startPostgres({ settings: { shared_buffers: '128MB' } })
  const store = await openPostgresStore({ url: await server.createDatabase(), clock: systemClock })
  try {
    await measure({ store, cpuUs: () => cpuTimeUs(process.pid) }, count)
  } finally {
    await store.close()
  }
}

const [count = '1000000', only] = process.argv.slice(2)
const programs = findPostgres()
if (only !== 'postgres') {
  console.log('SQLite')
  await measureSqlite(Number(count))
}
if (only !== 'sqlite') {
  console.log(programs.type === 'found' ? 'PostgreSQL' : `PostgreSQL: ${programs.reason}`)
  if (programs.type === 'found') await measurePostgres(Number(count))
}
