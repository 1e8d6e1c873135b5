/**
 * What keys, budgets, limits and the books cost: the gateway that keeps them on SQLite against the one that keeps
 * nothing. What an `Idempotency-Key` adds, and what a cached answer saves, is measured of the same process.
 */

import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { toolEnvironment } from '../tools/checks/run-command.ts'
import { type BooksKind, cachedRoute, writeBooksConfig } from './books-config.ts'
import { allCells, type Cell, modelOf, SLOW_MS, slowModel } from './cells.ts'
import { type Contestant, ownRoot, startHoldfastOf } from './contestants.ts'
import type { LoadProcess } from './load-process.ts'
import { canReadCpu, cpuTimeUs } from './processes.ts'
import { median, percentile } from './statistics.ts'

export interface BooksPlan {
  /** How often the gateways are started anew: V8 compiles the same code differently each time, and whoever was unlucky stays so. */
  readonly starts: number
  /** For each start. */
  readonly rounds: number
  readonly loadMs: number
  readonly warmUpMs: number
  readonly concurrency: number
  /** How long each is asked at an even pace, for latency. */
  readonly pacedMs: number
  readonly perSecond: number
}

/** Medians over the rounds; each difference is taken within a round. */
export interface BooksRow {
  readonly name: string
  /** Whom it is compared with. */
  readonly base: string
  /** Answers in a thousand that were a 503, because the store was too slow: of requests that need it, which are those with a key. */
  readonly refusedPerMille: number
  /** CPU time for each request under full load, all threads together, µs; absent where it cannot be read. */
  readonly cpuUs?: number
  readonly addedCpuUs?: number
  /** Requests a second, as a ratio. */
  readonly throughputRatio: number
  /** At an even pace, µs. */
  readonly addedP50Us: number
  readonly addedP99Us: number
}

export interface BooksOptions {
  readonly upstream: string
  readonly plan: BooksPlan
  /** The checkout that is measured besides, as `before`. */
  readonly against?: string
}

interface Pair {
  readonly name: string
  readonly cell: Cell
  readonly asked: Contestant
  readonly base: Contestant
  readonly concurrencyMax?: number
  /** In the first start alone: what is looked for is many times more than starts differ by. */
  readonly isOnce?: true
}

interface Sample {
  readonly cpuUs: number | undefined
  readonly perSecond: number
  readonly refused: number
  readonly requests: number
  readonly p50Us: number
  readonly p99Us: number
}

/** Both within one round. */
interface Compared {
  readonly asked: Sample
  readonly base: Sample
}

interface PairRounds {
  readonly pair: Pair
  readonly rounds: readonly Compared[]
}

export async function measureBooks(load: LoadProcess, options: BooksOptions): Promise<readonly BooksRow[]> {
  const byName = new Map<string, { readonly pair: Pair; readonly rounds: Compared[] }>()
  for (let start = 0; start < options.plan.starts; start++) {
    for (const { pair, rounds } of await measureStart(load, options, start)) {
      const known = byName.get(pair.name)
      if (known === undefined) byName.set(pair.name, { pair, rounds: [...rounds] })
      else known.rounds.push(...rounds)
    }
  }
  return [...byName.values()].map(({ pair, rounds }) => rowOf(pair, rounds))
}

/** The rounds of gateways that were started for them. */
async function measureStart(
  load: LoadProcess,
  options: BooksOptions,
  start: number,
): Promise<readonly PairRounds[]> {
  const { against, plan } = options
  const plainPath = await startBooks('plain path', options.upstream)
  const withBooks = await startBooks('with books', options.upstream)
  const before = against === undefined ? undefined : await startBooks('with books', options.upstream, against)
  const taking = [plainPath, withBooks, ...(before === undefined ? [] : [before])]
  try {
    const measured: PairRounds[] = []
    for (const pair of pairsOf(plainPath, withBooks, before))
      if (start === 0 || pair.isOnce !== true) measured.push(await measurePair({ load, plan }, pair))
    return measured
  } finally {
    await Promise.all(taking.map((each) => each.close()))
  }
}

function pairsOf(
  plainPath: Contestant,
  withBooks: Contestant,
  before: Contestant | undefined,
): readonly Pair[] {
  const [plain, stream, paced] = ['plain', '50 chunks', '50 paced chunks'].map((answer) =>
    allCells.find(({ name }) => name === `passthrough, 1 KB, ${answer}`),
  )
  if (plain === undefined || stream === undefined || paced === undefined)
    throw new Error('the cells have other names now')
  const of = (books: Contestant, suffix = ''): readonly Pair[] => [
    { name: `with books, 1 KB, plain${suffix}`, cell: plain, asked: books, base: plainPath },
    { name: `with books, 1 KB, 50 chunks${suffix}`, cell: stream, asked: books, base: plainPath },
    {
      name: `with an Idempotency-Key, 1 KB, plain${suffix}`,
      cell: plain,
      asked: keyed(books),
      base: books,
      concurrencyMax: KEYED_AT_ONCE,
    },
    ...cachedPairs(books, suffix).map((pair) => ({ ...pair, isOnce: true as const })),
  ]
  const cachedPairs = (books: Contestant, suffix: string): readonly Pair[] => [
    { name: `cached, 1 KB, plain${suffix}`, cell: plain, asked: cached(books), base: books },
    { name: `cached, 1 KB, 50 chunks${suffix}`, cell: stream, asked: cached(books), base: books },
    {
      name: `cached, 1 KB, plain after ${SLOW_MS} ms${suffix}`,
      cell: plain,
      asked: { ...books, model: () => cachedRoute(slowModel) },
      base: { ...books, model: () => providerModel(slowModel) },
    },
    // An upstream that takes its time, as every real one does: 0.2 s for an answer.
    { name: `cached, 1 KB, 50 paced chunks${suffix}`, cell: paced, asked: cached(books), base: books },
  ]
  return [...of(withBooks), ...(before === undefined ? [] : of(before, ', before'))]
}

/** Each keyed request is two transactions of its own: more at once would wait for each other, which nobody measures here. */
export const KEYED_AT_ONCE = 8

function keyed(books: Contestant): Contestant {
  return { ...books, freshHeader: 'idempotency-key' }
}

function cached(books: Contestant): Contestant {
  return { ...books, model: (cell) => cachedRoute(modelOf(cell)) }
}

/** As the configuration of the books names the one provider it has. */
function providerModel(model: string): string {
  return `bench-openai/${model}`
}

/** Starts a gateway whose clients have a key: one of the file that nothing bounds, or one with budgets and limits. */
async function startBooks(kind: BooksKind, upstream: string, root = ownRoot): Promise<Contestant> {
  const config = await writeBooksConfig(kind, upstream)
  const key = kind === 'plain path' ? config.fileKey : await makeKey(config.path, root)
  const holdfast = await startHoldfastOf({ name: kind, root, flags: [] }, config)
  return {
    ...holdfast,
    model: (cell) => providerModel(modelOf(cell)),
    headers: () => ({ 'content-type': 'application/json', authorization: `Bearer ${key}` }),
  }
}

/** A key with limits, a budget of its own and one of its project, wide enough for the bench. */
async function makeKey(configPath: string, root: string): Promise<string> {
  const holdfast = async (...words: readonly string[]): Promise<string> => {
    const args = [join(root, 'src/cli/main.ts'), ...words, '--config', configPath]
    const options = { cwd: dirname(configPath), env: toolEnvironment }
    return (await promisify(execFile)(process.execPath, args, options)).stdout
  }
  await holdfast('project', 'create', 'bench')
  await holdfast('budget', 'create', '--for', 'project:bench', '--limit', '500000', '--per', 'month')
  const limits = ['--rpm', '100000000', '--tpm', '100000000000', '--concurrency', '10000']
  const grants = ['--project', 'bench', '--budget', '400000/day', ...limits]
  return (await holdfast('key', 'create', 'bench', ...grants, '--quiet')).trim()
}

interface Race {
  readonly load: LoadProcess
  readonly plan: BooksPlan
}

/**
 * All rounds of a pair at once, after a load of its own: a gateway that has just served something else has other code
 * compiled, and a plain request cost it half more for some seconds after streams. Who goes first changes with the rounds.
 */
async function measurePair(race: Race, pair: Pair): Promise<PairRounds> {
  for (const contestant of [pair.base, pair.asked]) await warmUp(race, contestant, pair)
  const rounds: Compared[] = []
  for (let round = 0; round <= race.plan.rounds; round++) {
    const early = round % 2 === 0 ? await sample(race, pair.asked, pair) : undefined
    const base = await sample(race, pair.base, pair)
    const asked = early ?? (await sample(race, pair.asked, pair))
    // Whoever was warmed up first has rested since, and is a quarter slower for a while: the first round is none.
    if (round > 0) rounds.push({ asked, base })
  }
  return { pair, rounds }
}

/** One request first: it brings the money of the budgets, and nobody is refused for its being slow to come. */
async function warmUp({ load, plan }: Race, contestant: Contestant, pair: Pair): Promise<void> {
  await load.run(contestant, pair.cell, { concurrency: 1, durationMs: 1 })
  await load.run(contestant, pair.cell, { ...atOnce(plan, pair), durationMs: plan.warmUpMs })
}

async function sample({ load, plan }: Race, contestant: Contestant, pair: Pair): Promise<Sample> {
  const { loadMs, pacedMs, perSecond } = plan
  const before = readCpu(contestant)
  const loaded = await load.run(contestant, pair.cell, { ...atOnce(plan, pair), durationMs: loadMs })
  const after = readCpu(contestant)
  const paced = await load.run(contestant, pair.cell, {
    ...atOnce(plan, pair),
    durationMs: pacedMs,
    perSecond,
  })
  return {
    cpuUs: before === undefined || after === undefined ? undefined : (after - before) / loaded.requests,
    requests: loaded.requests + paced.requests,
    refused: loaded.refused + paced.refused,
    perSecond: (loaded.requests / loaded.elapsedMs) * 1_000,
    p50Us: percentile(paced.latenciesMs, 0.5) * 1_000,
    p99Us: percentile(paced.latenciesMs, 0.99) * 1_000,
  }
}

function atOnce({ concurrency }: BooksPlan, { concurrencyMax = concurrency }: Pair) {
  return { concurrency: Math.min(concurrency, concurrencyMax), mayRefuse: true }
}

function readCpu({ pid }: Contestant): number | undefined {
  return pid === undefined || !canReadCpu ? undefined : cpuTimeUs(pid)
}

function rowOf({ name, base }: Pair, rounds: readonly Compared[]): BooksRow {
  const cpu = rounds.flatMap(({ asked, base: other }) =>
    asked.cpuUs === undefined || other.cpuUs === undefined
      ? []
      : [{ cpuUs: asked.cpuUs, addedUs: asked.cpuUs - other.cpuUs }],
  )
  return {
    name,
    base: base.name,
    ...(cpu.length === 0
      ? {}
      : {
          cpuUs: median(cpu.map(({ cpuUs }) => cpuUs)),
          addedCpuUs: median(cpu.map(({ addedUs }) => addedUs)),
        }),
    refusedPerMille: refusedPerMille(rounds.map(({ asked }) => asked)),
    throughputRatio: median(rounds.map(({ asked, base: other }) => asked.perSecond / other.perSecond)),
    addedP50Us: median(rounds.map(({ asked, base: other }) => asked.p50Us - other.p50Us)),
    addedP99Us: median(rounds.map(({ asked, base: other }) => asked.p99Us - other.p99Us)),
  }
}

function refusedPerMille(samples: readonly Sample[]): number {
  const refused = samples.reduce((sum, sample) => sum + sample.refused, 0)
  const answered = samples.reduce((sum, sample) => sum + sample.requests, 0)
  return (refused / (refused + answered)) * 1_000
}
