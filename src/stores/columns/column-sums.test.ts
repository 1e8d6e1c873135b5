import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type KeyIds, listOf } from '../../reports/key-ids.ts'
import type { SpendDimension, SpendQuery, SpendRow } from '../../reports/report-store.ts'
import { type Block, blockOf, columnsIn } from './block.ts'
import type { Origins } from './column-coders.ts'
import { ColumnSums } from './column-sums.ts'
import { ORIGIN_DIMENSIONS, OWN_DIMENSIONS } from './dimensions.ts'
import { type ColumnRow, columnsOf, FLAGS } from './entry-columns.ts'
import { joinPasses, passesOf } from './passes.ts'

const HOUR_MS = 3_600_000
const FROM_MS = Date.UTC(2026, 9, 30)
/** Past the end of a month. */
const SPAN_MS = 4 * 24 * HOUR_MS

const DIMENSIONS = [...OWN_DIMENSIONS, ...ORIGIN_DIMENSIONS, 'hour', 'day', 'month'] as const

/** Numbers with wide gaps, as a sequence has that others draw from. */
const ORIGINS: Origins = new Map([
  [1, { key: 'a', team: 'a', model: 'b', target: 'b/a', route: 'b\0' }],
  [70_000, { key: 'b', project: 'a', team: 'a', user: 'c', model: 'a', target: 'a/a', provider: 'a' }],
  [5_000_000_000, { key: 'c', user: 'b', model: 'b', route: 'b', provider: 'b' }],
  [9, {}],
])

/** The last two have one hash. */
const word = fc.constantFrom('a', 'b', 'b\0')
const time = fc.oneof(
  fc.integer({ min: FROM_MS, max: FROM_MS + SPAN_MS }),
  fc.integer({ min: 0, max: SPAN_MS / HOUR_MS }).map((hour) => FROM_MS + hour * HOUR_MS),
)
/** Of every width of a column, also those that fit into none but the widest. */
const amount = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 0, max: 60_000 }),
  fc.integer({ min: 0, max: 2 ** 31 }),
  fc.integer({ min: 0, max: 2 ** 44 }),
)
const none = { freq: 3, nil: null }
const entries: fc.Arbitrary<ColumnRow> = fc.record({
  atMs: time,
  costNano: fc.option(amount, none),
  inputTokens: fc.option(amount, none),
  outputTokens: fc.option(fc.integer({ min: 0, max: 200 }), none),
  origin: fc.constantFrom(...ORIGINS.keys()),
  endUser: fc.option(word, none),
  session: fc.option(word, none),
  tags: fc.option(
    fc.uniqueArray(word).map((tags) => JSON.stringify(tags)),
    none,
  ),
  flags: fc.integer({ min: 0, max: 7 }),
})
/** Few conditions, or none: with many of them nothing is left to be added up. */
const wheres: fc.Arbitrary<NonNullable<SpendQuery['where']>> = fc
  .array(
    fc.oneof(
      fc.tuple(fc.constantFrom('key', 'team', 'model', 'tag', 'end-user', 'session'), word),
      fc.tuple(fc.constant('key'), fc.subarray(['a', 'b', 'c'])),
    ),
    { maxLength: 2 },
  )
  .map((conditions) => Object.fromEntries(conditions))
const queries: fc.Arbitrary<SpendQuery> = fc.record({
  fromMs: fc.oneof(fc.constant(FROM_MS), time),
  untilMs: fc.oneof(fc.constant(FROM_MS + SPAN_MS + 1), time),
  by: fc.subarray([...DIMENSIONS], { maxLength: 3 }),
  where: wheres,
  rowsMax: fc.oneof(fc.constant(10_000), fc.integer({ min: 1, max: 5 })),
})

/** What a report is, read from every entry one after another. */
function naiveRows(all: readonly ColumnRow[], { fromMs, untilMs, by, where = {}, rowsMax }: SpendQuery) {
  const groups = new Map<string, SpendRow>()
  for (const row of all) {
    if (row.atMs < fromMs || row.atMs >= untilMs) continue
    // Sound: the names of `where` are dimensions.
    const wanted = Object.entries(where) as [SpendDimension, KeyIds][]
    const hasOneOf = (dimension: SpendDimension, accepted: KeyIds) =>
      wordsOf(row, dimension).some((word) => word !== undefined && listOf(accepted).includes(word))
    if (!wanted.every(([dimension, accepted]) => hasOneOf(dimension, accepted))) continue
    for (const group of combinations(by.map((dimension) => wordsOf(row, dimension)))) {
      const id = JSON.stringify(group)
      const known = groups.get(id)
      groups.set(id, known === undefined ? rowOf(row, group) : sumOf(known, rowOf(row, group)))
    }
  }
  const times = by.findIndex((name) => name === 'hour' || name === 'day' || name === 'month')
  const compare = (one: SpendRow, other: SpendRow) =>
    order(one.group[times], other.group[times]) ||
    other.costNanoUsd - one.costNanoUsd ||
    by.map((_, place) => order(one.group[place], other.group[place])).find((said) => said !== 0) ||
    0
  return [...groups.values()].sort(compare).slice(0, rowsMax)
}

function wordsOf(row: ColumnRow, dimension: SpendDimension): readonly (string | undefined)[] {
  const iso = new Date(row.atMs).toISOString()
  switch (dimension) {
    case 'hour':
      return [`${iso.slice(0, 13)}:00:00.000Z`]
    case 'day':
      return [`${iso.slice(0, 10)}T00:00:00.000Z`]
    case 'month':
      return [`${iso.slice(0, 7)}-01T00:00:00.000Z`]
    case 'end-user':
      return [row.endUser ?? undefined]
    case 'session':
      return [row.session ?? undefined]
    case 'tag': {
      // Sound: made of a list of words above.
      const tags = JSON.parse(row.tags ?? '[]') as string[]
      return tags.length === 0 ? [undefined] : tags
    }
    default:
      return [ORIGINS.get(row.origin)?.[dimension]]
  }
}

function combinations(lists: readonly (readonly (string | undefined)[])[]): (string | undefined)[][] {
  return lists.reduce<(string | undefined)[][]>(
    (groups, words) => groups.flatMap((group) => words.map((one) => [...group, one])),
    [[]],
  )
}

function rowOf({ costNano, flags, ...row }: ColumnRow, group: SpendRow['group']): SpendRow {
  const cost = costNano ?? 0
  return {
    group,
    entries: 1,
    costNanoUsd: cost,
    wasteNanoUsd: (flags & FLAGS.isWaste) === 0 ? 0 : cost,
    estimatedNanoUsd: (flags & FLAGS.isEstimated) === 0 ? 0 : cost,
    unpriced: (flags & FLAGS.isUnpriced) === 0 ? 0 : 1,
    inputTokens: row.inputTokens ?? 0,
    outputTokens: row.outputTokens ?? 0,
  }
}

function sumOf(one: SpendRow, other: SpendRow): SpendRow {
  return {
    group: one.group,
    entries: one.entries + other.entries,
    costNanoUsd: one.costNanoUsd + other.costNanoUsd,
    wasteNanoUsd: one.wasteNanoUsd + other.wasteNanoUsd,
    estimatedNanoUsd: one.estimatedNanoUsd + other.estimatedNanoUsd,
    unpriced: one.unpriced + other.unpriced,
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
  }
}

/** None comes before all others. */
function order(one: string | undefined, other: string | undefined): number {
  if (one === other) return 0
  if (one === undefined || other === undefined) return one === undefined ? -1 : 1
  return one < other ? -1 : 1
}

/** Blocks that went into a database and came back. */
function blocksOf(all: readonly ColumnRow[], size: number): readonly Block[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, place) =>
    blockOf(columnsOf(all.slice(place * size, (place + 1) * size))),
  )
}

interface Asked {
  readonly all: readonly ColumnRow[]
  readonly query: SpendQuery
  readonly size: number
  readonly passMax: number
}

function askColumns({ all, query, size, passMax }: Asked): readonly SpendRow[] {
  const passes = passesOf(query, all.length, { passMax }).map((share) => {
    const sums = new ColumnSums(query, ORIGINS, share)
    for (const block of blocksOf(all, size)) sums.add(columnsIn(block))
    return sums.rows()
  })
  return joinPasses(query, passes)
}

test('columns come to what the entries come to one by one, whatever is asked, in one pass or several', () => {
  fc.assert(
    fc.property(
      fc.array(entries, { maxLength: 60 }),
      queries,
      fc.integer({ min: 1, max: 30 }),
      fc.constantFrom(7, 1_000),
      (all, query, size, passMax) => {
        expect(askColumns({ all, query, size, passMax })).toEqual(naiveRows(all, query))
      },
    ),
    { numRuns: 500 },
  )
})

test('many groups are told apart, and the costliest of them come first', () => {
  const all = Array.from({ length: 30_000 }, (_, place): ColumnRow => {
    const costNano = (place * 7_919) % 30_011
    const common = { atMs: FROM_MS + place, inputTokens: place, outputTokens: 1, origin: 1, flags: 0 }
    return { ...common, costNano, endUser: `u${place % 5_000}`, session: `s${place}`, tags: '["a","b"]' }
  })
  const query: SpendQuery = {
    fromMs: FROM_MS,
    untilMs: FROM_MS + SPAN_MS,
    by: ['session', 'tag', 'end-user'],
    rowsMax: 50,
  }
  const wanted = naiveRows(all, query)
  expect(askColumns({ all, query, size: 20_000, passMax: 1_000_000 })).toEqual(wanted)
  expect(askColumns({ all, query, size: 20_000, passMax: 4_000 })).toEqual(wanted)
})

describe('passes', () => {
  const query: SpendQuery = { fromMs: 0, untilMs: 1, by: [], rowsMax: 10 }

  test('are as many as keep the entries of one within the bound', () => {
    const shares = passesOf({ ...query, by: ['hour', 'tag', 'session'] }, 11, { passMax: 5 })
    expect(shares).toEqual([0, 1, 2].map((place) => ({ dimension: 'session', place, of: 3 })))
  })

  test('are one where it is told apart by time alone, or there are few entries', () => {
    expect(passesOf({ ...query, by: ['hour'] }, 1_000, { passMax: 5 })).toEqual([undefined])
    expect(passesOf({ ...query, by: ['session'] }, 5, { passMax: 5 })).toEqual([undefined])
    expect(passesOf({ ...query, by: ['session'] }, 0, { passMax: 5 })).toEqual([undefined])
  })

  test('see each a part of the groups, so that none holds them all', () => {
    const all = Array.from({ length: 1_000 }, (_, place): ColumnRow => {
      const common = { atMs: 0, costNano: 1, inputTokens: 1, outputTokens: 1, origin: 9, flags: 0 }
      return { ...common, endUser: null, session: `s${place}`, tags: null }
    })
    const bySession: SpendQuery = { ...query, by: ['session'], rowsMax: 1_000 }
    const [block] = blocksOf(all, 1_000)
    const counts = passesOf(bySession, all.length, { passMax: 250 }).map((share) => {
      const sums = new ColumnSums(bySession, ORIGINS, share)
      if (block !== undefined) sums.add(columnsIn(block))
      return sums.rows().length
    })
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1_000)
    for (const count of counts) expect(count).toBeLessThan(400)
  })
})
