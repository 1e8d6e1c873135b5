import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openAppendLog } from '../std/append-log.ts'
import type { Notice } from '../std/notice.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import { type BookLine, writeBookLines } from './book-lines.ts'
import { budgetOf, entryOf, LedgerBench, nano, rowOf } from './ledger.test-support.ts'
import type { BookBatch } from './ledger-store.ts'
import { recoverBooks } from './recover-books.ts'

const NOW_MS = 10_000
const BUDGET = budgetOf('bud_1', 1_000)
const CHARGE = { budgetId: BUDGET.id, periodStartMs: 0 }

const opened = (exchangeId: string): BookLine => ({
  type: 'opened',
  opened: {
    exchangeId,
    atMs: 4_000,
    attribution: { keyId: 'key_1', tags: ['t'] },
    dialect: 'openai-chat',
    operation: 'chat',
    modelId: 'm',
    stream: true,
    requestBytes: 7,
  },
})
const held = (exchangeId: string, attempt: number, cost: number): BookLine => ({
  type: 'held',
  held: {
    exchangeId,
    attempt,
    atMs: 5_000,
    target: 'p/m',
    provider: 'p',
    nanoUsd: nano(cost),
    charges: [CHARGE],
  },
})
const settled = (exchangeId: string, attempt: number, cost: number): BookLine => ({
  type: 'settled',
  entry: entryOf(exchangeId, { attempt, costNanoUsd: nano(cost), charges: [CHARGE] }),
})
const closed = (exchangeId: string): BookLine => ({ type: 'closed', request: rowOf(exchangeId) })

async function stage(lines: readonly BookLine[]) {
  const path = mkdtempSync(join(tmpdir(), 'holdfast-books-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  const log = openAppendLog({ folder: path })
  log.append(lines.map((line) => writeBookLines([line])))
  log.close()
  const store = new LedgerBench()
  store.setLimit(BUDGET.id, BUDGET.limitNanoUsd)
  await store.lease([{ nodeId: 'node_1', charge: CHARGE, needNanoUsd: nano(1), wantNanoUsd: nano(600) }])
  const recover = () => recoverBooks({ path, nodeId: 'node_1' }, store, { nowMs: NOW_MS })
  return { path, store, recover }
}

test('fault 123: what was settled is posted as it was, what was only held as the most it can have cost', async () => {
  const { store, recover } = await stage([
    opened('whole'),
    held('whole', 1, 50),
    settled('whole', 1, 20),
    closed('whole'),
    opened('cut'),
    held('cut', 1, 30),
    settled('cut', 1, 10),
    held('cut', 2, 40),
    opened('not begun'),
  ])
  expect(await recover()).toEqual({ entries: 3, requests: 3, orphans: 2 })
  expect(store.entries.get('cut 2')).toMatchObject({
    outcome: 'orphaned',
    basis: 'estimated',
    costNanoUsd: 40,
    isWaste: true,
    durationMs: 5_000,
    attribution: { keyId: 'key_1', tags: ['t'] },
  })
  expect(store.rows.get('cut')).toMatchObject({
    state: 'orphaned',
    attempts: 2,
    costNanoUsd: 50,
    atMs: 4_000,
  })
  expect(store.rows.get('not begun')).toMatchObject({ state: 'orphaned', attempts: 0, costNanoUsd: 0 })
  expect(store.rows.get('whole')).toMatchObject({ state: 'completed' })
  expect(store.standing(CHARGE)).toMatchObject({ spentNanoUsd: 70, leasedNanoUsd: 0 })
})

test('an attempt that outlives its request is charged when it ends, and as an orphan when it does not', async () => {
  const { store, recover } = await stage([
    opened('raced'),
    held('raced', 1, 50),
    held('raced', 2, 60),
    settled('raced', 1, 5),
    closed('raced'),
    opened('late'),
    held('late', 1, 30),
    closed('late'),
    settled('late', 1, 9),
  ])
  expect(await recover()).toEqual({ entries: 3, requests: 2, orphans: 0 })
  expect(store.entries.get('raced 2')).toMatchObject({ outcome: 'orphaned', costNanoUsd: 60 })
  expect(store.entries.get('late 1')).toMatchObject({ outcome: 'completed', costNanoUsd: 9 })
  expect(store.rows.get('raced')).toMatchObject({ state: 'completed' })
})

test('fault 124: a torn tail is passed over', async () => {
  const { path, store, recover } = await stage([opened('x'), held('x', 1, 30)])
  appendFileSync(join(path, '00000001.log'), '00000000 {"type":"settled","entry":{"exchangeId":"x","att')
  expect(await recover()).toMatchObject({ entries: 1, orphans: 1 })
  expect(store.entries.get('x 1')).toMatchObject({ costNanoUsd: 30 })
})

test('made twice, or after a part of it was posted, it changes nothing', async () => {
  const lines = [
    opened('x'),
    held('x', 1, 30),
    settled('x', 1, 20),
    closed('x'),
    opened('y'),
    held('y', 1, 40),
  ]
  const { store, recover } = await stage(lines)
  await store.postBooks({
    nodeId: 'node_1',
    entries: [entryOf('x', { costNanoUsd: nano(20), charges: [CHARGE] })],
    requests: [],
  })
  await recover()
  const once = { standing: store.standing(CHARGE), entries: [...store.entries], rows: [...store.rows] }
  await recover()
  expect({ standing: store.standing(CHARGE), entries: [...store.entries], rows: [...store.rows] }).toEqual(
    once,
  )
  expect(once.standing).toMatchObject({ spentNanoUsd: 60, leasedNanoUsd: 0 })
})

test('where the store does not take it nothing is given back, and all is made again later', async () => {
  const { store, recover } = await stage([opened('x'), held('x', 1, 30)])
  store.troubles.push('unanswered')
  await expect(recover()).rejects.toThrow(StoreUnavailable)
  expect(store.standing(CHARGE).leasedNanoUsd).toBe(570)
  await recover()
  expect(store.standing(CHARGE)).toMatchObject({ spentNanoUsd: 30, leasedNanoUsd: 0 })
})

test('a line that the store refuses whatever happens is told whole, and holds up no other', async () => {
  const { path, store } = await stage([
    opened('x'),
    held('x', 1, 30),
    settled('x', 1, 20),
    closed('x'),
    opened('poison'),
    settled('poison', 1, 40),
    closed('poison'),
  ])
  const notices: Notice[] = []
  const picky = {
    leasesOf: store.leasesOf.bind(store),
    returnLease: store.returnLease.bind(store),
    async postBooks(batch: BookBatch) {
      if (batch.entries.some(({ exchangeId }) => exchangeId === 'poison')) throw new RangeError('no such row')
      return store.postBooks(batch)
    },
  }
  const recovered = await recoverBooks({ path, nodeId: 'node_1' }, picky, {
    nowMs: NOW_MS,
    onNotice: (notice) => void notices.push(notice),
  })
  expect(recovered).toEqual({ entries: 1, requests: 2, orphans: 0 })
  expect(store.standing(CHARGE)).toMatchObject({ spentNanoUsd: 20, leasedNanoUsd: 0 })
  expect(notices).toMatchObject([
    { name: 'books_line_refused', facts: { exchangeId: 'poison', kind: 'RangeError' } },
  ])
  expect(JSON.parse(String(notices[0]?.facts?.['line']))).toMatchObject({ attempt: 1, costNanoUsd: 40 })
})

test('many lines are posted in batches, and lines of another version are passed over', async () => {
  const many = Array.from({ length: 1_300 }, (_, place) => [
    opened(`x${place}`),
    held(`x${place}`, 1, 0),
    settled(`x${place}`, 1, 0),
    closed(`x${place}`),
  ]).flat()
  const { path, store, recover } = await stage(many)
  const log = openAppendLog({ folder: path })
  log.append(['{"type":"of a later version"}', 'no JSON at all'])
  log.close()
  expect(await recover()).toEqual({ entries: 1_300, requests: 1_300, orphans: 0 })
  expect(store.posts).toBeLessThan(10)
})
