/** Says the results of the bench: as a table for the terminal, and as documents. */

import { type BooksPlan, type BooksRow, KEYED_AT_ONCE } from './books.ts'
import { PACE_MS, SLOW_MS, streamChunks } from './cells.ts'
import type { Absent } from './contestants.ts'
import type { CellFigures, CellResult, Plan } from './measure.ts'
import type { MemoryResult } from './memory.ts'
import type { StartupResult } from './startup.ts'

export interface BenchResult {
  readonly machine: Machine
  readonly plan: Plan
  readonly cells: readonly CellResult[]
  readonly books: readonly BooksRow[]
  readonly memory: readonly MemoryResult[]
  readonly startup?: StartupResult
  readonly absent: readonly Absent[]
}

/** What the figures depend on, without saying whose machine it is. */
export interface Machine {
  readonly date: string
  readonly node: string
  readonly cpuModel: string
  readonly cores: number
  readonly isPinned: boolean
}

type Pick = (figures: CellFigures) => number | undefined

const measured = 'holdfast'

/** Every table of the report, as Markdown, which is legible in a terminal too. */
export function writeTables(result: BenchResult): string {
  const sections = [
    ...(result.cells.length === 0 ? [] : cellSections(result)),
    ...booksSection(result.books),
    ...memorySection(result.memory),
    ...startupSection(result.startup),
    ...result.absent.map(({ name, absent }) => `${name} did not take part: ${absent}.`),
  ]
  return sections.join('\n\n')
}

function cellSections(result: BenchResult): readonly string[] {
  const names = [
    ...new Set(result.cells.flatMap(({ figures }) => figures.map(({ contestant }) => contestant))),
  ]
  const rivals = names.filter((name) => name !== measured)
  return [
    '## CPU time for each request, µs',
    table(result, names, ({ cpuUs }) => cpuUs, whole),
    '## CPU time as a ratio: holdfast against',
    ratios(result, rivals, ({ cpuUs }) => cpuUs),
    '## Requests a second',
    table(result, names, ({ requestsPerSecond }) => requestsPerSecond, whole),
    '## Requests a second as a ratio: holdfast against',
    ratios(result, rivals, ({ requestsPerSecond }) => requestsPerSecond),
    '## Added latency of a single request, p50 µs',
    table(result, names, ({ addedP50Us }) => addedP50Us, whole),
    '## Added latency of a single request, p99 µs',
    table(result, names, ({ addedP99Us }) => addedP99Us, whole),
    '## Added latency as a ratio (p50 / p99): holdfast against',
    latencyRatios(result, rivals),
  ]
}

/** docs/performance.md. */
export function writeDocument(result: BenchResult): string {
  const { machine, plan } = result
  return `# Performance

Produced by \`npm run bench -- --write\` on ${machine.date}: Node ${machine.node}, ${machine.cpuModel}, ${machine.cores} cores${machine.isPinned ? '' : ', processes not pinned'}.
Absolute figures belong to that machine; the ratios travel better.

## Method

- The gateway under test has one core to itself. The load and the upstream, both of this repository, share another.
- The upstream answers on bare sockets with bytes made beforehand. A streamed answer has ${streamChunks} content events, each written
  in a turn of the event loop of its own; in the paced cells ${PACE_MS} ms apart, so that their requests a second are the upstream's
  and their latency says nothing.
- Everyone is under load for ${plan.warmUpMs / 1_000} s before a cell is measured, so that code is compiled and heaps have found their size.
- Contestants take turns within each of ${plan.rounds} rounds, in an order that rotates; figures are medians over the rounds. Every
  answer is judged: a status other than 200 or a stream without its end stops the bench.
- CPU time is what the kernel counted for the process and its children, user and system, under ${plan.concurrency} requests in flight for
  ${plan.loadMs / 1_000} s, divided by the requests. Added latency is that of one request at a time, less that of the upstream asked directly.
- Requests a second is what one gateway core gave *or* what the load core could ask for, whichever is less; where two
  contestants are close to each other and fast, it is the latter.
- Holdfast runs as it is shipped: it reads usage from every answer, counts its metrics, and writes a log line for each attempt
  and each exchange into a pipe. The others log nothing.
- What keys, budgets and the books cost stands in [another document](performance-of-the-books.md).
- Requests set \`max_tokens\` to 256, so that a plain one goes upstream as it was asked.
- *bare relay* is \`bench/bare-relay.ts\`: node:http and undici's dispatch, and nothing else. It passes the client's dialect on
  in every cell, also where Holdfast translates. *nginx* is a reverse proxy of one worker with keep-alive and without
  buffering. *portkey* is \`@portkey-ai/gateway\` with the dependencies that \`bench/portkey/package-lock.json\` pins
  (with newer ones its streams fail); it does not serve Anthropic clients of OpenAI providers. The cells of the other pairs of
  dialects are measured for the bare relay and Holdfast only.

${writeTables({ ...result, books: [] })}
`
}

/** docs/performance-of-the-books.md. */
export function writeBooksDocument({ machine, books }: BenchResult, plan: BooksPlan): string {
  return `# What keys, budgets and the books cost

Produced by \`npm run bench -- --books --write\` on ${machine.date}: Node ${machine.node}, ${machine.cpuModel}, ${machine.cores} cores${machine.isPinned ? '' : ', processes not pinned'}.
Absolute figures belong to that machine; the ratios travel better. How the load, the upstream and the gateway run is told in
[Performance](performance.md).

- *plain path* is Holdfast with a key of its file, a store in memory and nothing that bounds anybody; *with books* keeps
  its store in SQLite, and its client has a virtual key with three limits, a budget of its own and one of its project.
- The gateways are started ${plan.starts} times and measured for ${plan.rounds} rounds each time, after one that does not count, since V8 compiles the same code differently
  from one start to the next. Each pair is measured by itself, after ${plan.warmUpMs / 1_000} s of its own load, since a gateway that has just served
  another load has other code compiled; what is cached, which differs most, in the first start alone. One process serves what is compared with *with books*, and *with books* itself, by turns.
- Whoever is compared is measured one right after the other in each round, ${plan.loadMs / 1_000} s under ${plan.concurrency} requests in flight each
  (${KEYED_AT_ONCE} with an \`Idempotency-Key\`, each of which is two transactions of its own). Figures are medians over all rounds, and
  differences are taken within a round. CPU time counts every thread, that of the database too.
- The latencies are those at ${plan.perSecond} requests a second, evenly spaced, for ${plan.pacedMs / 1_000} s a round. Below zero: the two do not differ by more
  than the machine wavers. An upstream that paces its events cannot be asked so often, and what waits for it is in its figures.
- What is cached is one answer, asked for again and again. The upstream of the bench has its answer ready; *after ${SLOW_MS} ms* is one
  that takes so long, which is less than any model.

${booksSection(books).join('\n\n')}
`
}

function table(
  result: BenchResult,
  names: readonly string[],
  pick: Pick,
  write: (value: number | undefined) => string,
): string {
  return rows(
    ['', ...names],
    cellsWith(result, pick).map(({ cell, figures }) => [
      cell.name,
      ...names.map((name) => write(valueOf(figures, name, pick))),
    ]),
  )
}

function ratios(result: BenchResult, rivals: readonly string[], pick: Pick): string {
  return rows(
    ['', ...rivals],
    cellsWith(result, pick).map(({ cell, figures }) => [
      cell.name,
      ...rivals.map((rival) => ratio(valueOf(figures, measured, pick), valueOf(figures, rival, pick))),
    ]),
  )
}

function latencyRatios(result: BenchResult, rivals: readonly string[]): string {
  const one = (figures: readonly CellFigures[], rival: string, pick: Pick): string =>
    ratio(valueOf(figures, measured, pick), valueOf(figures, rival, pick))
  return rows(
    ['', ...rivals],
    cellsWith(result, ({ addedP50Us }) => addedP50Us).map(({ cell, figures }) => [
      cell.name,
      ...rivals.map(
        (rival) =>
          `${one(figures, rival, ({ addedP50Us }) => addedP50Us)} / ${one(figures, rival, ({ addedP99Us }) => addedP99Us)}`,
      ),
    ]),
  )
}

/** The cells in which a figure was measured at all. */
function cellsWith(result: BenchResult, pick: Pick): readonly CellResult[] {
  return result.cells.filter(({ figures }) => figures.some((each) => pick(each) !== undefined))
}

function valueOf(figures: readonly CellFigures[], name: string, pick: Pick): number | undefined {
  const found = figures.find(({ contestant }) => contestant === name)
  return found === undefined ? undefined : pick(found)
}

function ratio(value: number | undefined, other: number | undefined): string {
  return value === undefined || other === undefined || other <= 0 ? '-' : `${(value / other).toFixed(2)}x`
}

function booksSection(books: readonly BooksRow[]): readonly string[] {
  if (books.length === 0) return []
  return [
    '## Keys, budgets, limits and the books on SQLite',
    rows(
      ['', 'against', 'CPU µs', 'added µs', 'requests/s', 'added p50 µs', 'added p99 µs', 'refused ‰'],
      books.map((row) => [
        row.name,
        row.base,
        whole(row.cpuUs),
        whole(row.addedCpuUs),
        `${row.throughputRatio.toFixed(2)}x`,
        whole(row.addedP50Us),
        whole(row.addedP99Us),
        row.refusedPerMille.toFixed(1),
      ]),
    ),
  ]
}

function memorySection(memory: readonly MemoryResult[]): readonly string[] {
  if (memory.length === 0) return []
  return [
    `## Memory of an idle open stream (${memory[0]?.streams} open), KB`,
    rows(
      ['', 'KB a stream'],
      memory.map(({ contestant, bytesPerStream }) => [contestant, (bytesPerStream / 1_024).toFixed(1)]),
    ),
  ]
}

function startupSection(startup: StartupResult | undefined): readonly string[] {
  if (startup === undefined) return []
  return [
    '## From the command to listening, ms',
    rows(
      ['', 'ms'],
      [
        ['npm start', whole(startup.npmMs)],
        ['node src/cli/main.ts start', whole(startup.nodeMs)],
      ],
    ),
  ]
}

function whole(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(0)
}

function rows(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) =>
    Math.max(3, cell.length, ...body.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(head), rule, ...body.map(line)].join('\n')
}
