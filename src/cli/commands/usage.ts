/** `holdfast usage`: what was spent, by whatever tells spending apart. */

import { namesOfFile } from '../../app/config/config.ts'
import { formatUsd } from '../../ledger/usd.ts'
import { periodStart } from '../../ledger/period.ts'
import type { NanoUsd } from '../../ledger/prices.ts'
import { writeCsvLine } from '../../reports/csv.ts'
import type { SpendDimension, SpendRow } from '../../reports/report-store.ts'
import { namesOf, wallMs } from '../change-books.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { withBooks } from '../open-books.ts'
import { type FilterOptions, noteNamesakes, readWhere } from '../read-filters.ts'
import { readMoment, readNames, shown } from '../read-values.ts'
import { CommandRefusal } from '../refusal.ts'
import { sayMoment, tableLines } from '../table.ts'

export interface UsageOptions extends CommonOptions, FilterOptions {
  readonly by?: string
  readonly from?: string
  readonly until?: string
  readonly csv?: boolean
}

const DIMENSIONS: readonly SpendDimension[] = [
  'key',
  'project',
  'team',
  'user',
  'end-user',
  'tag',
  'session',
  'route',
  'model',
  'target',
  'provider',
  'hour',
  'day',
  'month',
]
const DIMENSIONS_MAX = 3
const ROWS_MAX = 10_000

export function usage(options: UsageOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async ({ store, config }) => {
    const by = readDimensions(options.by ?? '')
    const nowMs = wallMs(io)
    const fromMs = options.from === undefined ? periodStart('month', nowMs) : readMoment(options.from, nowMs)
    const untilMs = options.until === undefined ? nowMs + 1 : readMoment(options.until, nowMs)
    if (fromMs >= untilMs) throw new CommandRefusal('--from is not before --until')
    const directory = await store.loadDirectory()
    const known = { directory, namesOfFile: namesOfFile(config) }
    const where = readWhere(options, known)
    if (options.quiet !== true) noteNamesakes(known, options.key, io)
    const found = await store.spend({ fromMs, untilMs, by, where, rowsMax: ROWS_MAX + 1 })
    const rows = found.slice(0, ROWS_MAX)
    const names = namesOf(directory)
    const named = (value: string | undefined) => (value === undefined ? '-' : (names.get(value) ?? value))
    if (options.json) {
      printJson(io, {
        from: new Date(fromMs).toISOString(),
        until: new Date(untilMs).toISOString(),
        by,
        rows: rows.map((row) => describe(row, by, named)),
        is_cut: found.length > ROWS_MAX,
      })
      return exitCodes.ok
    }
    if (options.csv === true) io.out(csvOf(rows, by, named).trimEnd())
    else print(rows, { by, named, io })
    if (options.quiet !== true) {
      if (options.csv !== true) io.err(`from ${sayMoment(fromMs)} until ${sayMoment(untilMs)} (UTC)`)
      if (found.length > ROWS_MAX)
        io.err(`only the first ${ROWS_MAX} rows: ask for fewer with --from, --until and filters`)
    }
    return exitCodes.ok
  })
}

function readDimensions(text: string): readonly SpendDimension[] {
  const words = readNames(text)
  const by = words.map((word) => {
    const dimension = DIMENSIONS.find((one) => one === word.toLowerCase())
    if (dimension === undefined)
      throw new CommandRefusal(`--by: ${shown(word)} tells no spending apart: use ${DIMENSIONS.join(', ')}`)
    return dimension
  })
  if (by.length <= DIMENSIONS_MAX) return by
  throw new CommandRefusal(`--by: at most ${DIMENSIONS_MAX} at a time`)
}

type Named = (value: string | undefined) => string

function describe(row: SpendRow, by: readonly SpendDimension[], named: Named) {
  return {
    group: Object.fromEntries(by.map((dimension, at) => [dimension, row.group[at] ?? null])),
    names: Object.fromEntries(by.map((dimension, at) => [dimension, named(row.group[at])])),
    attempts: row.entries,
    cost_usd: usd(row.costNanoUsd),
    cost_nano_usd: row.costNanoUsd,
    waste_nano_usd: row.wasteNanoUsd,
    estimated_nano_usd: row.estimatedNanoUsd,
    unpriced_attempts: row.unpriced,
    input_tokens: row.inputTokens,
    output_tokens: row.outputTokens,
  }
}

function csvOf(rows: readonly SpendRow[], by: readonly SpendDimension[], named: Named): string {
  const columns = [
    ...by.flatMap((dimension) => [dimension, `${dimension}_name`]),
    'attempts',
    'cost_usd',
    'cost_nano_usd',
    'waste_nano_usd',
    'estimated_nano_usd',
    'unpriced_attempts',
    'input_tokens',
    'output_tokens',
  ]
  const lines = rows.map((row) =>
    writeCsvLine([
      // Absent is empty: the dash of the columns is one more tag to whoever reads the file.
      ...by.flatMap((_, at) => [
        row.group[at],
        row.group[at] === undefined ? undefined : named(row.group[at]),
      ]),
      row.entries,
      usd(row.costNanoUsd),
      row.costNanoUsd,
      row.wasteNanoUsd,
      row.estimatedNanoUsd,
      row.unpriced,
      row.inputTokens,
      row.outputTokens,
    ]),
  )
  return [writeCsvLine(columns), ...lines].join('')
}

interface Printing {
  readonly by: readonly SpendDimension[]
  readonly named: Named
  readonly io: CliIo
}

function print(rows: readonly SpendRow[], { by, named, io }: Printing): void {
  const columns = [
    ...by.map((dimension) => ({ title: dimension.toUpperCase() })),
    ...['ATTEMPTS', 'DOLLARS', 'WASTE', 'ESTIMATED', 'UNPRICED', 'IN', 'OUT'].map((title) => ({
      title,
      isNumber: true,
    })),
  ]
  const lines = rows.map((row) => [
    ...by.map((_, at) => named(row.group[at])),
    String(row.entries),
    usd(row.costNanoUsd),
    usd(row.wasteNanoUsd),
    usd(row.estimatedNanoUsd),
    String(row.unpriced),
    String(row.inputTokens),
    String(row.outputTokens),
  ])
  const [head = '', ...rest] = tableLines(columns, lines)
  io.out([io.style('dim', head), ...rest].join('\n'))
}

function usd(nanoUsd: number): string {
  // Sound: the store adds up whole numbers of nano-dollars.
  return formatUsd(nanoUsd as NanoUsd)
}
