/**
 * `npm run bench`: what the gateway costs, as ratios against a bare relay, nginx and Portkey.
 *   --quick       a smoke run of seconds: few cells, one round, the bare relay and Holdfast only
 *   --json        the result as JSON on standard output
 *   --write       writes docs/performance.md, and docs/performance-of-the-books.md where the books were measured
 *   --cell TEXT   only cells whose name contains TEXT, and nothing else
 *   --books       only what keys, budgets, limits and the books cost
 *   --rounds N    rounds for each cell (default 5); the books have 2 in each of 5 starts
 *   --resilient   also Holdfast with routes of two balanced targets, hedging and rescue
 *   --against DIR also the Holdfast of another checkout
 *   --alone       neither nginx nor Portkey
 *   --without-holdfast, --without-memory, --without-startup, --without-books
 */

import { writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { repositoryRoot } from '../tools/checks/source-files.ts'
import { type BooksPlan, type BooksRow, measureBooks } from './books.ts'
import { allCells, type Cell } from './cells.ts'
import {
  type Absent,
  type Contestant,
  startBareRelay,
  startHoldfast,
  startNginx,
  startPortkey,
  startUpstream,
} from './contestants.ts'
import { LoadProcess } from './load-process.ts'
import { type CellResult, measureCell, type Plan } from './measure.ts'
import { measureMemory, type MemoryResult } from './memory.ts'
import { canPin } from './processes.ts'
import { type BenchResult, writeBooksDocument, writeDocument, writeTables } from './report.ts'
import { measureStartup } from './startup.ts'

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    cell: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    'log-level': { type: 'string' },
    resilient: { type: 'boolean', default: false },
    against: { type: 'string' },
    books: { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false },
    'without-holdfast': { type: 'boolean', default: false },
    'without-memory': { type: 'boolean', default: false },
    'without-startup': { type: 'boolean', default: false },
    'without-books': { type: 'boolean', default: false },
  },
})

const fullPlan: Plan = {
  rounds: Number(flags.rounds),
  loadMs: 1_500,
  latencyMs: 500,
  // V8 compiles hot code in steps over the first ten thousands of requests, on threads whose time is counted: in its first
  // 1.5 s a request of Holdfast cost 290 µs, after 10 s 130, and one of the bare relay 61 and 36.
  warmUpMs: 6_000,
  concurrency: 32,
}
const quickPlan: Plan = { rounds: 1, loadMs: 300, latencyMs: 100, warmUpMs: 200, concurrency: 8 }
/** The pace that the added latency is promised at. */
const paced = { perSecond: 500 }
// What is told is a difference of two figures that waver by as much as it is: the median of 5 rounds of 1.5 s went from 20 to 55 µs,
// and that of 9 rounds of 3 s from 2 to 42 where other loads came between.
const fullBooks: BooksPlan = {
  ...fullPlan,
  ...paced,
  starts: 5,
  rounds: 2,
  loadMs: 2_500,
  // A gateway with books is still being compiled when the plain path is not: in its first 12 s a request cost 228 µs, after 20 s 200,
  // and until 25 s V8 still compiled ten functions a second (`--trace-opt`).
  warmUpMs: 30_000,
  pacedMs: 2_000,
}
const quickBooks: BooksPlan = { ...quickPlan, ...paced, starts: 1, pacedMs: 200 }
const quickCells = /^(?:passthrough|openai to anthropic), 1 KB, (?:plain|50 chunks)$/

const holdfastFlags = flags['log-level'] === undefined ? [] : ['--log-level', flags['log-level']]
const startMeasured = (upstream: string): Promise<Contestant> =>
  startHoldfast(upstream, { flags: holdfastFlags })
const startResilient = (upstream: string): Promise<Contestant> =>
  startHoldfast(upstream, { name: 'holdfast, resilient', flags: holdfastFlags, isResilient: true })
const startBefore = (upstream: string): Promise<Contestant> =>
  startHoldfast(upstream, {
    name: 'holdfast, before',
    flags: holdfastFlags,
    root: resolve(flags.against ?? '.'),
  })

const plan = flags.quick ? quickPlan : fullPlan
const result = await bench()
if (flags.json) process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`)
else process.stdout.write(`${writeTables(result)}\n`)
if (flags.write) {
  const write = (name: string, text: string) => writeFile(join(repositoryRoot, 'docs', name), text)
  if (result.cells.length > 0) await write('performance.md', writeDocument(result))
  if (result.books.length > 0)
    await write(
      'performance-of-the-books.md',
      writeBooksDocument(result, flags.quick ? quickBooks : fullBooks),
    )
}

async function bench(): Promise<BenchResult> {
  const isPartial = flags.quick || flags.books || flags.cell !== ''
  const startup =
    isPartial || flags['without-startup'] || flags['without-holdfast'] ? undefined : await measureStartup(5)
  const load = new LoadProcess()
  const direct = await startUpstream()
  const { contestants, absent } = flags.books
    ? { contestants: [], absent: [] }
    : await startContestants(direct.origin)
  try {
    const cells = flags.books ? [] : await measureCells(load, direct, contestants)
    const books =
      flags['without-books'] || flags['without-holdfast'] ? [] : await measureAllBooks(load, direct.origin)
    const memory = isPartial || flags['without-memory'] ? [] : await measureAllMemory(load, direct.origin)
    const machine = {
      date: new Date().toISOString().slice(0, 10),
      node: process.versions.node,
      cpuModel: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      isPinned: canPin,
    }
    return { machine, plan, cells, books, memory, absent, ...(startup === undefined ? {} : { startup }) }
  } finally {
    await Promise.all([load, direct, ...contestants].map((each) => each.close()))
  }
}

async function startContestants(upstream: string) {
  const starts = [
    startBareRelay,
    ...(flags['without-holdfast'] ? [] : [startMeasured]),
    ...(flags.resilient ? [startResilient] : []),
    ...(flags.against === undefined ? [] : [startBefore]),
    ...(flags.quick || flags.alone ? [] : [startNginx, startPortkey]),
  ]
  const contestants: Contestant[] = []
  const absent: Absent[] = []
  for (const start of starts) {
    const started = await start(upstream)
    if ('absent' in started) absent.push(started)
    else contestants.push(started)
  }
  return { contestants, absent }
}

async function measureCells(
  load: LoadProcess,
  direct: Contestant,
  contestants: readonly Contestant[],
): Promise<readonly CellResult[]> {
  const chosen = allCells.filter(
    ({ name }) => name.includes(flags.cell) && (!flags.quick || quickCells.test(name)),
  )
  const results: CellResult[] = []
  for (const cell of chosen) {
    tell(cell)
    results.push(await measureCell({ cell, load, plan }, direct, contestants))
  }
  return results
}

function measureAllBooks(load: LoadProcess, upstream: string): Promise<readonly BooksRow[]> {
  return measureBooks(load, {
    upstream,
    plan: flags.quick ? quickBooks : fullBooks,
    ...(flags.against === undefined ? {} : { against: resolve(flags.against) }),
  })
}

/** Each on a process that has served nothing yet. */
async function measureAllMemory(load: LoadProcess, upstream: string): Promise<readonly MemoryResult[]> {
  const results: MemoryResult[] = []
  for (const start of [startBareRelay, ...(flags['without-holdfast'] ? [] : [startMeasured])]) {
    const contestant = await start(upstream)
    try {
      const measured = await measureMemory(load, contestant)
      if (measured !== undefined) results.push(measured)
    } finally {
      await contestant.close()
    }
  }
  return results
}

/** Progress goes to standard error: a bench of minutes should not look dead. */
function tell({ name }: Cell): void {
  process.stderr.write(`measuring ${name}\n`)
}
