import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type AppendLog, openAppendLog, readAppendLog } from '../std/append-log.ts'
import type { Notice } from '../std/notice.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { StoreSchemaError, StoreUnavailable } from '../std/store-error.ts'
import { readBookLines } from './book-lines.ts'
import { Books } from './books.ts'
import { DOUBT_MS } from './budget-account.ts'
import { BudgetAccounts } from './budget-accounts.ts'
import { budgetOf, LedgerBench, nano, rowOf } from './ledger.test-support.ts'
import { recoverBooks } from './recover-books.ts'
import { LOSS_TOLD_MS } from './lost-lines.ts'
import type { AttemptAsk, AttemptResult } from './request-books.ts'

const BUDGET = budgetOf('bud_1', 1_000_000)
const ASK: AttemptAsk = {
  target: 'p/m',
  provider: 'p',
  inputTokensMax: 10,
  outputTokensMax: 20,
  candidates: 1,
  prices: { input: 1, output: 2 },
  isFree: false,
}
const RESULT: AttemptResult = {
  outcome: 'completed',
  durationMs: 1,
  basis: 'reported',
  costNanoUsd: nano(7),
  isWaste: false,
}

interface StageOptions {
  readonly segmentBytesMax?: number
  readonly linesMax?: number
  readonly log?: (log: AppendLog) => AppendLog
  /** Default false: the one budget is known. */
  readonly awaitsBudgets?: boolean
  readonly isOurs?: () => boolean
}

function stage({
  segmentBytesMax = 1_000_000,
  linesMax,
  log: wrap = (log) => log,
  awaitsBudgets = false,
  isOurs = () => true,
}: StageOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-books-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const store = new LedgerBench()
  store.setLimit(BUDGET.id, BUDGET.limitNanoUsd)
  const clock = new ManualClock()
  const accounts = new BudgetAccounts({
    store,
    nodeId: 'node_1',
    isShared: false,
    awaitsBudgets,
    wallMs: () => clock.wallMs(),
    nowMs: () => clock.nowMs(),
  })
  if (!awaitsBudgets) accounts.replace([BUDGET])
  const notices: string[] = []
  const told: Notice[] = []
  const books = new Books({
    store,
    accounts,
    nodeId: 'node_1',
    clock,
    log: wrap(openAppendLog({ folder, segmentBytesMax })),
    isOurs,
    ...(linesMax === undefined ? {} : { linesMax }),
    onNotice: (notice) => {
      told.push(notice)
      notices.push(notice.name)
    },
  })
  const begin = (exchangeId: string) =>
    books.begin({
      opened: {
        exchangeId,
        atMs: 0,
        attribution: { tags: [] },
        dialect: 'openai-chat',
        operation: 'chat',
        modelId: 'm',
        stream: false,
        requestBytes: 1,
      },
    })
  const typesIn = () =>
    [...readAppendLog(folder)].flatMap(({ line }) => readBookLines(line).map(({ type }) => type))
  return { folder, store, clock, accounts, books, begin, notices, told, typesIn }
}

test('what is held stands in the log before the provider is called', async () => {
  const { begin, typesIn } = stage()
  await begin('x').hold(ASK)
  expect(typesIn()).toEqual(['opened', 'held'])
})

test('nothing that costs is begun before it is known which budgets there are; what is free is', async () => {
  const { begin, accounts, typesIn } = stage({ awaitsBudgets: true })
  expect(() => begin('x').hold(ASK)).toThrow(expect.objectContaining({ code: 'budget_unavailable' }))
  expect(typesIn()).not.toContain('held')
  await begin('y').hold({ ...ASK, isFree: true })
  accounts.replace([BUDGET])
  await begin('z').hold(ASK)
  expect(typesIn().filter((type) => type === 'held')).toHaveLength(2)
  expect(accounts.heldNanoUsd).toBeGreaterThan(0)
})

test('what came in together is written together', async () => {
  const { begin, folder } = stage()
  await Promise.all(['x', 'y', 'z'].map(async (id) => begin(id).hold(ASK)))
  expect([...readAppendLog(folder)].map(({ line }) => readBookLines(line).length)).toEqual([6])
})

test('I1: a request that takes no attempt stands in the log before its client is told', async () => {
  const { begin, typesIn } = stage()
  const request = begin('x')
  expect(typesIn()).toEqual([])
  await request.accepted()
  expect(typesIn()).toEqual(['opened'])
  expect(request.accepted()).toBeUndefined()
})

test('I1: a request that is refused stands in the log before its client is told', () => {
  const { begin, typesIn } = stage()
  begin('x').close(rowOf('x', { state: 'rejected' }))
  expect(typesIn()).toEqual(['opened', 'closed'])
})

test('what ends without an attempt and stands in the log already goes there with what else ends in that moment', async () => {
  const { begin, clock, folder } = stage()
  const requests = ['x', 'y', 'z'].map((id) => begin(id))
  await requests.at(-1)?.accepted()
  for (const request of requests) request.close(rowOf('x', { state: 'completed' }))
  const linesEach = () => [...readAppendLog(folder)].map(({ line }) => readBookLines(line).length)
  expect(linesEach()).toEqual([3])
  clock.advance(1)
  expect(linesEach()).toEqual([3, 3])
})

test('a file of the log stays as long as an attempt in it is under way, whatever else it held is posted', async () => {
  const { folder, store, books, begin, accounts } = stage({ segmentBytesMax: 200 })
  const request = begin('x')
  const first = await request.hold(ASK)
  first.settle(RESULT)
  await books.flush()
  // A second attempt, in another file; then many requests that fill further ones.
  await request.hold(ASK)
  for (let place = 0; place < 20; place += 1) {
    const other = begin(`y${place}`)
    const attempt = await other.hold(ASK)
    attempt.settle(RESULT)
    other.close(rowOf(`y${place}`))
    await books.flush()
  }
  // Killed here: the second attempt may have cost what was held.
  await recoverBooks({ path: folder, nodeId: 'node_1' }, store, { nowMs: 0 })
  expect(store.entries.get('x 2')).toMatchObject({ outcome: 'orphaned', costNanoUsd: 50 })
  expect(store.standings()).toMatchObject([{ spentNanoUsd: 7 + 50 + 20 * 7, leasedNanoUsd: 0 }])
  expect(accounts.heldNanoUsd).toBe(50)
})

test('files whose lines are all posted are dropped, though nothing was ever written while they waited', async () => {
  const { folder, clock, books, begin } = stage({ segmentBytesMax: 200 })
  for (let place = 0; place < 30; place += 1) {
    const request = begin(`x${place}`)
    const attempt = await request.hold(ASK)
    attempt.settle(RESULT)
    request.close(rowOf(`x${place}`))
    await books.flush()
  }
  expect(books.isAllPosted).toBe(true)
  // They stay a while for a store that loses them.
  expect(readdirSync(folder).length).toBeGreaterThan(20)
  clock.advance(30_000)
  begin('later')
  await books.flush()
  expect(readdirSync(folder).length).toBeLessThanOrEqual(2)
})

test('lines that had no room in memory are in the log alone, and so the log is kept', async () => {
  const { folder, store, books, begin, notices } = stage({ linesMax: 3 })
  for (let place = 0; place < 5; place += 1) {
    const request = begin(`x${place}`)
    const attempt = await request.hold(ASK)
    attempt.settle(RESULT)
    request.close(rowOf(`x${place}`))
  }
  await books.flush()
  expect(notices).toEqual(['books_spilled'])
  expect([store.entries.size, store.rows.size]).toEqual([2, 1])
  expect(books.waiting).toBe(0)
  expect(books.isAllPosted).toBe(false)
  await books.stop()
  await recoverBooks({ path: folder, nodeId: 'node_1' }, store, { nowMs: 0 })
  expect([store.entries.size, store.rows.size]).toEqual([5, 5])
})

test('books that another process brought in hold nothing more, also for who was about to', async () => {
  let isOurs = true
  const { begin, books, accounts, store } = stage({ isOurs: () => isOurs })
  const running = await begin('x').hold(ASK)
  const about = begin('y').hold(ASK)
  isOurs = false
  accounts.forgetLeases()
  await expect(async () => about).rejects.toThrow('cannot be reached')
  expect(() => begin('z').hold(ASK)).toThrow('cannot be reached')
  running.settle(RESULT)
  await books.flush()
  expect([accounts.heldNanoUsd, store.entries.size]).toEqual([0, 2])
})

test('money in doubt goes back while an attempt is under way, and another is settled and waits for the store', async () => {
  const { begin, books, store, accounts, clock } = stage()
  const attempts = [await begin('x').hold(ASK), await begin('y').hold(ASK), await begin('z').hold(ASK)]
  store.troubles.push('unheard')
  // The limit is another: what is free goes back, and the store does not answer.
  accounts.replace([{ ...BUDGET, limitNanoUsd: nano(2_000_000) }])
  attempts[0]?.settle(RESULT)
  await books.flush()
  const leased = () => store.standings()[0]?.leasedNanoUsd
  expect(leased()).toBeGreaterThan(900_000)
  clock.advance(DOUBT_MS + 1)
  attempts[1]?.settle(RESULT)
  await accounts.returnIdle()
  expect(books.waiting).toBe(1)
  expect(leased()).toBe(accounts.heldNanoUsd + 7)
})

test('lines wait for a store whose schema another version changed, and are refused by nobody', async () => {
  const { begin, books, store, notices } = stage()
  const attempt = await begin('x').hold(ASK)
  attempt.settle(RESULT)
  const { postBooks } = store
  store.postBooks = async () => Promise.reject(new StoreSchemaError('made by a newer version'))
  await books.flush()
  expect([notices, books.waiting]).toEqual([['store_away'], 1])
  store.postBooks = postBooks
  await books.flush()
  expect([notices, store.entries.size]).toEqual([['store_away', 'store_taking'], 1])
})

test('of money in doubt nothing stays leased but what an attempt cost that the store refused', async () => {
  const { begin, books, store, accounts, clock, notices } = stage()
  const attempt = await begin('x').hold(ASK)
  store.troubles.push('unheard')
  accounts.replace([{ ...BUDGET, limitNanoUsd: nano(2_000_000) }])
  attempt.settle(RESULT)
  store.postBooks = async () => Promise.reject(new RangeError('no such sum'))
  await books.flush()
  expect(notices).toEqual(['books_line_refused'])
  clock.advance(DOUBT_MS + 1)
  await accounts.returnIdle()
  expect(store.standings()[0]?.leasedNanoUsd).toBe(7)
})

/** The disk of a log that can be full. */
function fillable() {
  const disk = { isFull: false }
  const wrap = (log: AppendLog): AppendLog => ({
    read: () => log.read(),
    get segment() {
      return log.segment
    },
    append(lines) {
      if (disk.isFull) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
      log.append(lines)
    },
    whenTurnEnds: (callback) => log.whenTurnEnds(callback),
    drop: (segment) => log.drop(segment),
    close: () => log.close(),
  })
  return { disk, wrap }
}

/** The store is away, lines have spilled to the disk, and then that is full. */
function losing() {
  const { disk, wrap } = fillable()
  const at = stage({ linesMax: 2, log: wrap })
  const { begin, store } = at
  store.postBooks = () => Promise.reject(new StoreUnavailable('away'))
  const serve = (count: number) => {
    for (let place = 0; place < count; place += 1) begin(`x${place}`).close(rowOf(`x${place}`))
  }
  serve(4)
  disk.isFull = true
  serve(3)
  const losses = () =>
    at.told
      .filter(({ name }) => name === 'books_lines_lost')
      .map(({ level, facts }) => [level, facts?.['lines']])
  return { ...at, disk, serve, losses }
}

test('fault 126: lines that are lost are told of though others have spilled before, at once and for good', async () => {
  const { books, notices, losses } = losing()
  expect(notices).toEqual(['books_spilled', 'books_log_unwritable', 'books_lines_lost'])
  expect(losses()).toEqual([['error', 1]])
  expect(books.troubles.at(-1)).toContain('3 lines of the books were lost')
  expect(books.isAllPosted).toBe(false)
  await books.stop()
  expect(losses().at(-1)).toEqual(['error', 3])
})

test('fault 126: lines that go on being lost are told of now and then, and with their number when it is over', () => {
  const { books, clock, disk, serve, losses } = losing()
  clock.advance(LOSS_TOLD_MS - 1)
  serve(1)
  expect(losses()).toHaveLength(1)
  clock.advance(1)
  serve(1)
  expect(losses().at(-1)).toEqual(['error', 5])
  serve(2)
  disk.isFull = false
  serve(1)
  expect(losses()).toEqual([1, 5, 7].map((lines) => ['error', lines]))
  disk.isFull = true
  serve(1)
  // It is lost again: that is said at once.
  expect(losses().at(-1)).toEqual(['error', 8])
  expect(books.troubles.at(-1)).toContain('8 lines')
})

test('fault 126: where the store takes the books again the loss is over, and not forgotten', async () => {
  const { books, store, losses } = losing()
  store.postBooks = async () => undefined
  await books.flush()
  expect(losses()).toEqual([1, 3].map((lines) => ['error', lines]))
  expect(books.troubles.at(-1)).toContain('3 lines of the books were lost')
  expect([books.waiting, books.isAllPosted]).toEqual([0, false])
})

test('fault 127: while the log cannot be written, requests that a budget pays are refused, and come again by themselves', async () => {
  const { disk, wrap } = fillable()
  const { begin, notices, books, accounts } = stage({ log: wrap })
  disk.isFull = true
  // The first one finds out about it.
  await expect(async () => begin('x').hold(ASK)).rejects.toThrow('cannot be reached')
  expect(() => begin('y').hold(ASK)).toThrow('cannot be reached')
  expect(accounts.heldNanoUsd).toBe(0)
  expect(books.troubles).toHaveLength(1)
  disk.isFull = false
  begin('z').close(rowOf('z'))
  expect(books.troubles).toEqual([])
  expect(notices).toEqual(['books_log_unwritable', 'books_log_writable'])
})
