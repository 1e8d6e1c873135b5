import { beforeEach, expect, test } from 'vitest'
import type { RequestRow } from '../ledger/entry.ts'
import { row } from '../stores/contract/samples.test-support.ts'
import { createMemoryStore } from '../stores/memory/memory-store.ts'
import type { Store } from '../stores/store.ts'
import { EndedRequests } from './follow-requests.ts'

const START_MS = Date.UTC(2026, 0, 2)
let store: Store

beforeEach(() => {
  store = createMemoryStore()
})

function post(...requests: readonly RequestRow[]): Promise<void> {
  return store.postBooks({ nodeId: 'n', entries: [], requests })
}

async function idsAt(ended: EndedRequests, nowMs: number): Promise<readonly string[]> {
  const { rows } = await ended.look(nowMs)
  return rows.map(({ exchangeId }) => exchangeId)
}

test('a request that took long is told when it has ended, however many came since it arrived', async () => {
  const ended = new EndedRequests(store, { limit: 1 }, { nowMs: START_MS, shown: [] })
  expect(await idsAt(ended, START_MS)).toEqual([])
  const many = Array.from({ length: 1_500 }, (_, at) =>
    row(`quick_${at}`, { atMs: START_MS + at, durationMs: 5 }),
  )
  await post(...many)
  expect(await idsAt(ended, START_MS + 2_000)).toHaveLength(1_500)
  await post(row('slow', { atMs: START_MS + 1, durationMs: 60_000 }))
  expect(await idsAt(ended, START_MS + 60_100)).toEqual(['slow'])
  expect(await idsAt(ended, START_MS + 61_100)).toEqual([])
})

test('one that took half an hour is told within half a minute', async () => {
  const ended = new EndedRequests(store, { limit: 1 }, { nowMs: START_MS, shown: [] })
  await ended.look(START_MS)
  await post(row('slowest', { atMs: START_MS - 1_800_000, durationMs: 1_801_000 }))
  const told: string[] = []
  for (let atMs = START_MS + 1_000; atMs <= START_MS + 31_000; atMs += 1_000)
    told.push(...(await idsAt(ended, atMs)))
  expect(told).toEqual(['slowest'])
})

test('what had ended before is no news, and what had been shown is not told again', async () => {
  const shown = row('shown', { atMs: START_MS - 100, durationMs: 50 })
  await post(row('before', { atMs: START_MS - 200, durationMs: 50 }), shown)
  const ended = new EndedRequests(store, { limit: 1 }, { nowMs: START_MS, shown: [shown] })
  expect(await idsAt(ended, START_MS)).toEqual(['before'])
  expect(await idsAt(ended, START_MS + 1_000)).toEqual([])
})

test('of more than a screen shows, the newest are told, and that there were more', async () => {
  const ended = new EndedRequests(store, { limit: 1 }, { nowMs: START_MS, shown: [] })
  await ended.look(START_MS)
  await post(
    ...Array.from({ length: 10_001 }, (_, at) => row(`r_${at}`, { atMs: START_MS + at, durationMs: 1 })),
  )
  const { rows, isCut } = await ended.look(START_MS + 10_100)
  expect({ count: rows.length, isCut, newest: rows.at(-1)?.exchangeId }).toEqual({
    count: 10_000,
    isCut: true,
    newest: 'r_10000',
  })
})
