import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type BookLine, readBookLines, writeBookLines } from './book-lines.ts'
import type { Attribution, Charge, LedgerEntry, RequestRow } from './entry.ts'
import { budgetOf } from './ledger.test-support.ts'
import type { NanoUsd } from './prices.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const BUDGETS = [budgetOf('bud_1', 1).id, budgetOf('bud_2', 1).id]
const whole = fc.nat(Number.MAX_SAFE_INTEGER)
// Sound: whole numbers of nano-dollars.
const nanoUsd = whole.map((value) => value as NanoUsd)
const time = fc.double({ min: 0, max: 1e13, noNaN: true })

type Model<Fields> = { [Name in keyof Fields]: fc.Arbitrary<Fields[Name]> }

function record<Fields extends object>(model: Model<Fields>) {
  return fc.record(model, { noNullPrototype: true })
}

/** Any of the fields may be absent, never `undefined`. */
function optional<Fields extends object>(model: Model<Fields>) {
  return fc.record(model, { requiredKeys: [], noNullPrototype: true })
}

const attribution: fc.Arbitrary<Attribution> = fc
  .tuple(
    record({ tags: fc.array(text, { maxLength: 3 }) }),
    optional({
      keyId: text,
      keyName: text,
      projectId: text,
      teamId: text,
      userId: text,
      endUser: text,
      sessionId: text,
    }),
  )
  .map(([always, sometimes]) => ({ ...always, ...sometimes }))
const charges: fc.Arbitrary<readonly Charge[]> = fc.array(
  record({ budgetId: fc.constantFrom(...BUDGETS), periodStartMs: fc.nat(2) }),
  { maxLength: 2 },
)

const opened = fc
  .tuple(
    record({
      exchangeId: text,
      atMs: time,
      dialect: text,
      operation: text,
      stream: fc.boolean(),
      requestBytes: whole,
    }),
    optional({ modelId: text }),
  )
  .map(([always, sometimes]) => ({ ...always, ...sometimes }))
const held = fc
  .tuple(
    record({ exchangeId: text, attempt: whole, atMs: time, target: text, provider: text, charges }),
    optional({ nanoUsd, route: text }),
  )
  .map(([always, sometimes]): BookLine => ({ type: 'held', held: { ...always, ...sometimes } }))
const entry = fc
  .tuple(
    record({
      exchangeId: text,
      attempt: whole,
      atMs: time,
      modelId: text,
      target: text,
      provider: text,
      outcome: fc.constantFrom<LedgerEntry['outcome'][]>('completed', 'cancelled', 'failed', 'orphaned'),
      durationMs: time,
      basis: fc.constantFrom<LedgerEntry['basis'][]>('reported', 'counted', 'estimated', 'none'),
      isWaste: fc.boolean(),
      charges,
    }),
    optional({
      route: text,
      code: text,
      upstreamStatus: whole,
      message: text,
      firstTokenMs: time,
      inputTokens: whole,
      outputTokens: whole,
      cacheReadTokens: whole,
      cacheWriteTokens: whole,
      reasoningTokens: whole,
      costNanoUsd: nanoUsd,
    }),
  )
  .map(([always, sometimes]) => ({ ...always, ...sometimes }))
const request = fc
  .tuple(
    record({
      exchangeId: text,
      atMs: time,
      state: text,
      dialect: text,
      operation: text,
      status: whole,
      stream: fc.boolean(),
      attempts: whole,
      requestBytes: whole,
      responseBytes: whole,
      durationMs: time,
      isSimulated: fc.boolean(),
    }),
    optional({
      modelId: text,
      route: text,
      target: text,
      code: text,
      message: text,
      firstTokenMs: time,
      overheadMs: time,
      inputTokens: whole,
      outputTokens: whole,
      costNanoUsd: nanoUsd,
      recall: fc.constantFrom<NonNullable<RequestRow['recall']>[]>(
        'hit',
        'semantic',
        'coalesced',
        'replayed',
      ),
    }),
  )
  .map(([always, sometimes]) => ({ ...always, ...sometimes }))

/** Of a few parties, as the lines of a moment are: the same objects again and again, and equal ones that are others. */
const lines = fc.array(attribution, { minLength: 1, maxLength: 3 }).chain((parties) => {
  const party = fc.oneof(
    fc.constantFrom(...parties),
    fc.constantFrom(...parties).map((known) => ({ ...known })),
  )
  return fc.array(
    fc.oneof(
      fc.tuple(opened, party).map(
        ([line, attribution]): BookLine => ({
          type: 'opened',
          opened: { ...line, attribution },
        }),
      ),
      held,
      fc.tuple(entry, party).map(
        ([line, attribution]): BookLine => ({
          type: 'settled',
          entry: { ...line, attribution },
        }),
      ),
      fc.tuple(request, party).map(
        ([line, attribution]): BookLine => ({
          type: 'closed',
          request: { ...line, attribution },
        }),
      ),
    ),
    { maxLength: 12 },
  )
})

test('every line is read as it was written, with every field it has and none that it has not', () => {
  fc.assert(
    fc.property(lines, (written) => {
      expect(readBookLines(writeBookLines(written))).toStrictEqual(written)
    }),
    { numRuns: 500 },
  )
})

test('a kind of line that a later version writes is passed over, and the lines beside it are read', () => {
  fc.assert(
    fc.property(lines, fc.nat(12), (written, place) => {
      const batch = JSON.parse(writeBookLines(written)) as { lines: unknown[] }
      batch.lines.splice(place, 0, [99, 'new'])
      expect(readBookLines(JSON.stringify(batch))).toStrictEqual(written)
    }),
  )
})

test('lines with the names of their fields, as earlier versions left them, are read', () => {
  fc.assert(
    fc.property(lines, (written) => {
      const text = JSON.stringify([...written, { type: 'new' }, 7])
      expect(readBookLines(text)).toStrictEqual(written)
    }),
  )
})

test.each(['', '[]', 'null', '{}', '{"lines":[[0]]}'])('%s is no line of the books', (text) => {
  expect(readBookLines(text)).toEqual([])
})
