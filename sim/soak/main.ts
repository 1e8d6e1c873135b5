/**
 * `npm run soak`: the real gateway with its books in SQLite, as busy as it can be, with a hundredth of each misfortune,
 * for a long time. Is the memory steady, and are the books right in the end? Each minute the load rests for some seconds:
 * memory is judged by what is held then. Writes the section `soak` of RELIABILITY.json.
 *   --minutes N        how long it is judged (default 20; 1440 before a release)
 *   --warm-up N        minutes before that (default 30): code is compiled, pools, caches and lists fill up to their bounds
 *   --concurrency N    clients (default 32)
 *   --seed N
 *   --no-write
 */

import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openStore } from '../../src/app/open-store.ts'
import { type Budget, BUDGET_NANO_USD_MAX, type BudgetId, type BudgetScope } from '../../src/ledger/budget.ts'
import type { NanoUsd } from '../../src/ledger/prices.ts'
import type { Peppers } from '../../src/keys/key-hashes.ts'
import { createKey } from '../../src/keys/key-changes.ts'
import { systemClock } from '../../src/std/clock.ts'
import { systemIds } from '../../src/std/ids.ts'
import { Secret } from '../../src/std/secret.ts'
import type { Store } from '../../src/stores/store.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'
import { type GatewayRun, runGateway } from '../crash/gateway-run.ts'
import { PRICES_USD } from '../crash/priced-upstream.ts'
import { writeSection } from '../reliability-file.ts'
import { type FromLoad, type LoadCounts, type LoadOrder, PLAIN_TAG, type ToLoad } from './load-messages.ts'
import {
  descriptorsOf,
  type LoadSample,
  type Memory,
  memoryIn,
  quantile,
  type RestSample,
  trendOf,
} from './process-samples.ts'

const SAMPLE_EVERY_MS = 5_000
/** Under load memory swings by more than what is looked for: it is judged by what is held while the load rests. */
const REST_EVERY_MS = 60_000
/** Until what follows the last answers is done: postings, and what the provider notes of calls that were broken off, ms. */
const SETTLE_MS = 2_000
/** What a finalizer lets go of is garbage of the next collection, and so are the pages that were full of it. */
const COLLECTIONS = 3
const COLLECT_MS_MAX = 10_000
const LOOK_EVERY_MS = 50
const RSS_SLOPE_MAX_MB = 1
/** In a shorter run the swings of the collector are more than what is looked for. */
const JUDGED_MINUTES_MIN = 20
const MB = 1024 ** 2
const MASTER_KEY = `${'0123456789abcdef'.repeat(3)}fedcba9876543210`
/** Half a dollar is spent in a minute or so; the largest limit there is lasts for months. */
const LIMITS = { rich: BUDGET_NANO_USD_MAX, poor: 500_000_000 } as const

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    'warm-up': { type: 'string', default: '30' },
    concurrency: { type: 'string', default: '32' },
    seed: { type: 'string', default: '1' },
    write: { type: 'boolean', default: true },
  },
  allowNegative: true,
})
const minutes = Number(flags.minutes)
const warmUpMs = Number(flags['warm-up']) * 60_000
if (!(minutes > 0 && warmUpMs >= 0)) throw new Error('write npm run soak -- --minutes 20 --warm-up 30')

const folder = mkdtempSync(join(tmpdir(), 'holdfast-soak-'))
const memoryFile = join(folder, 'memory.json')
const load = fork(join(import.meta.dirname, 'load.ts'))
try {
  const result = await soak()
  console.log(JSON.stringify(result, undefined, 2))
  if (flags.write) await writeSection('soak', result)
  if (result.failures.length > 0) process.exitCode = 1
} finally {
  load.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}

async function soak() {
  const { baseUrl } = await heard(load, 'upstream')
  writeConfig(baseUrl)
  const path = join(folder, 'holdfast.db')
  const { store, peppers } = await openStore(
    { kind: 'sqlite', path },
    {
      clock: systemClock,
      telemetry: { notices: createTelemetry().notices },
      masterKey: new Secret(MASTER_KEY),
      env: {},
    },
  )
  const { keys, budgets } = await makeTenants(store, peppers)
  const collecting = join(import.meta.dirname, 'collect-on-signal.ts')
  // Pages that V8 keeps for heaps to come are not held by anybody, and are given back at times of its own.
  const nodeArguments = ['--expose-gc', '--no-memory-pool']
  const gateway = await runGateway({
    folder,
    masterKey: MASTER_KEY,
    nodeArguments,
    // The thread of the store takes no arguments of the process, but heeds this.
    env: { HOLDFAST_SOAK_MEMORY: memoryFile, NODE_OPTIONS: `--import ${collecting}` },
  })
  if (gateway.addresses === undefined) throw new Error(`the gateway did not start: ${gateway.printed()}`)
  const { url } = gateway.addresses
  order({
    type: 'start',
    order: { url, keys, seed: Number(flags.seed), concurrency: Number(flags.concurrency) },
  })
  const watched = await watch(gateway, url)
  const last = heard(load, 'counts', ({ isLast }) => isLast)
  order({ type: 'stop' })
  const { counts } = await last
  gateway.kill('SIGTERM')
  await gateway.exited
  const failures = [
    ...gateway.complaints(),
    ...(await judgeBooks(store, { budgets, counts })),
    ...judgeSamples(watched),
  ]
  await store.close()
  return {
    ...report(watched, counts),
    databaseMb: round(statSync(path).size / MB),
    failures,
  }
}

interface Watched {
  readonly loaded: readonly LoadSample[]
  readonly rested: readonly RestSample[]
  /** How long the load rested in all, ms. */
  readonly restedMs: number
}

function report(watched: Watched, counts: LoadCounts) {
  const { loaded, rested } = warmOf(watched)
  const rss = rested.map(rssMb)
  const lag = loaded.map(({ lagMs }) => lagMs)
  const [rssTrend, heapTrend] = [trendOf(rested, rssMb), trendOf(rested, heapMb)]
  return {
    date: new Date().toISOString().slice(0, 10),
    command: `npm run soak -- --minutes ${minutes} --warm-up ${flags['warm-up']} --concurrency ${flags.concurrency} --seed ${flags.seed}`,
    minutes,
    requests: counts.requests,
    requestsPerSecond: round(counts.requests / (minutes * 60 + (warmUpMs - watched.restedMs) / 1_000)),
    statuses: counts.statuses,
    misfortunes: counts.misfortunes,
    upstreamCalls: counts.upstreamCalls,
    rests: rested.length,
    rssMb: { first: round(rss[0] ?? 0), last: round(rss.at(-1) ?? 0), most: round(Math.max(...rss)) },
    rssSlopeMbPerHour: round(rssTrend.perHour),
    rssSlopeErrorMbPerHour: round(rssTrend.standardError),
    heapSlopeMbPerHour: round(heapTrend.perHour),
    heapSlopeErrorMbPerHour: round(heapTrend.standardError),
    isSlopeJudged: minutes >= JUDGED_MINUTES_MIN,
    descriptors: {
      first: loaded[0]?.descriptors ?? 0,
      last: loaded.at(-1)?.descriptors ?? 0,
      most: Math.max(...loaded.map(({ descriptors }) => descriptors)),
    },
    idleDescriptors: { first: rested[0]?.descriptors ?? 0, last: rested.at(-1)?.descriptors ?? 0 },
    lagMs: { p50: round(quantile(lag, 0.5)), p99: round(quantile(lag, 0.99)), most: round(Math.max(...lag)) },
  }
}

/** The load rests at the begin of each minute, and at the end; in between the gateway is looked at as it works. */
async function watch(gateway: GatewayRun, url: string): Promise<Watched> {
  const startedAtMs = performance.now()
  const untilMs = startedAtMs + warmUpMs + minutes * 60_000
  const loaded: LoadSample[] = []
  const rested: RestSample[] = []
  let restedMs = 0
  const rest = async () => {
    const pausedAtMs = performance.now()
    const resting = heard(load, 'resting')
    order({ type: 'pause' })
    await resting
    await pause(SETTLE_MS)
    for (let times = 1; times < COLLECTIONS; times += 1) await collected(gateway)
    const sample: RestSample = {
      atMs: performance.now() - startedAtMs,
      ...(await collected(gateway)),
      descriptors: descriptorsOf(gateway.pid),
    }
    order({ type: 'go' })
    restedMs += performance.now() - pausedAtMs
    rested.push(sample)
    process.stderr.write(
      `${round(sample.atMs / 60_000)} min: ${round(rssMb(sample))} MB, heap ${round(heapMb(sample))} MB, ${sample.descriptors} descriptors\n`,
    )
  }
  // The first of those that are judged is taken as the warm-up ends.
  let restAtMs = startedAtMs + (warmUpMs % REST_EVERY_MS)
  while (performance.now() < untilMs) {
    if (performance.now() >= restAtMs) {
      await rest()
      restAtMs += REST_EVERY_MS
    }
    await pause(
      Math.max(0, Math.min(SAMPLE_EVERY_MS, untilMs - performance.now(), restAtMs - performance.now())),
    )
    const askedAtMs = performance.now()
    await (await fetch(`${url}/livez`)).arrayBuffer()
    const atMs = performance.now()
    loaded.push({
      atMs: atMs - startedAtMs,
      descriptors: descriptorsOf(gateway.pid),
      lagMs: atMs - askedAtMs,
    })
  }
  await rest()
  return { loaded, rested, restedMs }
}

/** What the gateway holds once its garbage is collected. */
async function collected(gateway: GatewayRun): Promise<Memory> {
  rmSync(memoryFile, { force: true })
  gateway.kill('SIGUSR2')
  const untilMs = performance.now() + COLLECT_MS_MAX
  for (let memory = memoryIn(memoryFile); ; memory = memoryIn(memoryFile)) {
    if (memory?.otherThreads === 0) throw new Error('the thread of the store does not collect its garbage')
    if (memory !== undefined) return memory
    if (performance.now() > untilMs) throw new Error('the gateway does not say what memory it holds')
    await pause(LOOK_EVERY_MS)
  }
}

function judgeSamples(watched: Watched): readonly string[] {
  const { loaded, rested } = warmOf(watched)
  const { perHour, standardError } = trendOf(rested, rssMb)
  const isGrowing = minutes >= JUDGED_MINUTES_MIN && perHour >= RSS_SLOPE_MAX_MB
  const half = Math.floor(loaded.length / 2)
  const most = (part: readonly LoadSample[]) => Math.max(0, ...part.map(({ descriptors }) => descriptors))
  // Twice the clients is what connections come to; beyond the first half's most they would grow.
  const moreDescriptors = most(loaded.slice(half)) - most(loaded.slice(0, half))
  return [
    ...(isGrowing
      ? [`memory grows by ${round(perHour)} MB an hour, give or take ${round(standardError)}`]
      : []),
    ...(moreDescriptors > Number(flags.concurrency)
      ? [`there are ${moreDescriptors} descriptors more than before`]
      : []),
  ]
}

function rssMb({ rssBytes }: Memory): number {
  return rssBytes / MB
}

function heapMb({ heapBytes }: Memory): number {
  return heapBytes / MB
}

function warmOf({ loaded, rested }: Watched): Pick<Watched, 'loaded' | 'rested'> {
  const isWarm = ({ atMs }: { readonly atMs: number }) => atMs >= warmUpMs
  return { loaded: loaded.filter(isWarm), rested: rested.filter(isWarm) }
}

interface Known {
  readonly budgets: readonly Budget[]
  readonly counts: LoadCounts
}

async function judgeBooks(store: Store, { budgets, counts }: Known): Promise<readonly string[]> {
  const always = { fromMs: 0, untilMs: Date.now() + 3_600_000, rowsMax: 100 }
  const standings = await store.standings(budgets.map(({ id }) => ({ budgetId: id, periodStartMs: 0 })))
  const byKey = await store.spend({ ...always, by: ['key'] })
  const plain = await store.spend({ ...always, by: ['key'], where: { tag: PLAIN_TAG } })
  const costOf = (rows: typeof byKey, id: string) =>
    rows.find(({ group }) => group[0] === id)?.costNanoUsd ?? 0
  const wrong: string[] = []
  for (const [place, { budgetId, spentNanoUsd, leasedNanoUsd, limitNanoUsd }] of standings.entries()) {
    const scope = budgets[place]?.scope
    const entered =
      scope?.kind === 'key'
        ? costOf(byKey, scope.id)
        : byKey.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0)
    if (spentNanoUsd !== entered) wrong.push(`${budgetId}: ${spentNanoUsd} spent, ${entered} entered`)
    if (spentNanoUsd > limitNanoUsd) wrong.push(`${budgetId}: ${spentNanoUsd} spent of ${limitNanoUsd}`)
    if (leasedNanoUsd !== 0) wrong.push(`${budgetId}: ${leasedNanoUsd} is leased by nobody`)
  }
  for (const [keyId, charged] of Object.entries(counts.plainChargedNanoUsd)) {
    const entered = costOf(plain, keyId)
    if (entered !== charged) wrong.push(`${keyId}: the provider charged ${charged}, ${entered} is entered`)
  }
  return wrong
}

async function makeTenants(store: Store, peppers: Peppers) {
  const keys: LoadOrder['keys'][number][] = []
  const budgets: Budget[] = []
  const put = async (name: string, scope: BudgetScope, limit: number) => {
    const budget: Budget = {
      // Sound: this is where ids of budgets are made for the soak.
      id: systemIds.next('bud_') as BudgetId,
      name,
      scope,
      period: 'total',
      // Sound: a whole number.
      limitNanoUsd: limit as NanoUsd,
      createdAtMs: Date.now(),
    }
    await store.putBudget(budget, [])
    budgets.push(budget)
  }
  for (const name of ['rich one', 'rich two', 'poor']) {
    const directory = await store.loadDirectory()
    const context = { nowMs: Date.now(), actor: 'cli', ids: systemIds, peppers }
    const made = createKey(directory, { name }, context)
    await store.changeDirectory(made.changes, made.notes, directory.revision)
    keys.push({ name, id: made.key.id, secret: made.secret.reveal() })
    await put(name, { kind: 'key', id: made.key.id }, name === 'poor' ? LIMITS.poor : LIMITS.rich)
  }
  await put('all', { kind: 'all', id: '' }, LIMITS.rich)
  return { keys, budgets }
}

function writeConfig(baseUrl: string): void {
  const provider = {
    dialect: 'openai-chat',
    baseUrl,
    credential: 'key-0123456789',
    models: ['m'],
    prices: { m: PRICES_USD },
    breaker: false,
  }
  writeFileSync(
    join(folder, 'holdfast.yaml'),
    JSON.stringify({ discover: false, log: { level: 'warn' }, providers: { priced: provider } }),
  )
}

function order(message: ToLoad): void {
  load.send(message)
}

function heard<Type extends FromLoad['type']>(
  child: ChildProcess,
  type: Type,
  isWanted: (message: Extract<FromLoad, { type: Type }>) => boolean = () => true,
): Promise<Extract<FromLoad, { type: Type }>> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the load ended with ${code}`))
    const listen = (message: FromLoad) => {
      // Sound: its type says which it is.
      const wanted = message as Extract<FromLoad, { type: Type }>
      if (message.type !== type || !isWanted(wanted)) return
      child.off('exit', ended).off('message', listen)
      resolve(wanted)
    }
    child.once('exit', ended).on('message', listen)
  })
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
