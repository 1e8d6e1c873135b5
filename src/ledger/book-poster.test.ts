import { expect, test } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import { BookPoster, POST_AFTER_MS, type PostedLine } from './book-poster.ts'
import { entryOf, LedgerBench, rowOf } from './ledger.test-support.ts'
import type { BookBatch } from './ledger-store.ts'

function stage({
  linesMax,
  postBooks,
}: {
  linesMax?: number
  postBooks?: (batch: BookBatch) => Promise<void>
} = {}) {
  const store = new LedgerBench()
  const clock = new ManualClock()
  const posted: PostedLine[] = []
  const refused: PostedLine[] = []
  const spilled: PostedLine[] = []
  const states: boolean[] = []
  const poster = new BookPoster({
    store: { postBooks: postBooks ?? ((batch) => store.postBooks(batch)) },
    nodeId: 'node_1',
    clock,
    ...(linesMax === undefined ? {} : { linesMax }),
    onPosted: (lines) => void posted.push(...lines),
    onRefused: (line) => void refused.push(line),
    onSpilled: (line) => void spilled.push(line),
    onState: (isTaking) => void states.push(isTaking),
  })
  return { store, clock, poster, posted, refused, spilled, states }
}

const entryLine = (id: string): PostedLine => ({ segment: 1, beginning: { segment: 1 }, entry: entryOf(id) })
const rowLine = (id: string): PostedLine => ({ segment: 1, beginning: { segment: 1 }, request: rowOf(id) })

/** Until what was begun is done: nothing here waits for more than promises. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 2_000; turn += 1) await Promise.resolve()
}

test('lines wait for each other and go to the store in one batch', async () => {
  const { store, clock, poster, posted } = stage()
  for (let place = 0; place < 10; place += 1) poster.add(entryLine(`x${place}`))
  poster.add(rowLine('x1'))
  clock.advance(POST_AFTER_MS - 1)
  await rest()
  expect(store.posts).toBe(0)
  clock.advance(1)
  await rest()
  expect([store.posts, store.entries.size, store.rows.size]).toEqual([1, 10, 1])
  expect(posted).toHaveLength(11)
  expect(poster.waiting).toBe(0)
  expect(clock.pendingTimers).toBe(0)
})

test('a line that is refused is told of once, though others of its batch are posted later', async () => {
  let isAway = true
  const posts: string[][] = []
  const { clock, poster, posted, refused } = stage({
    async postBooks({ entries }) {
      const ids = entries.map(({ exchangeId }) => exchangeId)
      if (ids.includes('bad')) throw new RangeError('no such sum')
      if (isAway && ids.length > 0) throw new StoreUnavailable('It does not answer.')
      posts.push(ids)
    },
  })
  for (const id of ['bad', 'good']) poster.add(entryLine(id))
  clock.advance(POST_AFTER_MS)
  await rest()
  expect([refused.length, posted.length]).toEqual([1, 0])
  isAway = false
  clock.advance(60_000)
  await rest()
  expect(posts).toEqual([['good']])
  expect([refused.length, posted.length, poster.waiting]).toEqual([1, 2, 0])
})

test('fault 111: what a store that is away does not take is posted when it is back, each line once', async () => {
  const { store, clock, poster, states } = stage()
  // Heard once, with the answer lost: the same batch comes again.
  store.troubles.push('unheard', 'unanswered', 'unheard')
  for (let place = 0; place < 5; place += 1) poster.add(entryLine(`x${place}`))
  clock.advance(POST_AFTER_MS)
  await rest()
  expect(poster.isTaking).toBe(false)
  poster.add(entryLine('later'))
  for (let turn = 0; turn < 5; turn += 1) {
    clock.advance(2_000)
    await rest()
  }
  expect([...store.entries.values()].map(({ exchangeId }) => exchangeId)).toEqual([
    'x0',
    'x1',
    'x2',
    'x3',
    'x4',
    'later',
  ])
  expect(states).toEqual([false, true])
})

test('the store is asked ever more seldom while it is away', async () => {
  let asked = 0
  const { clock, poster, store } = stage({
    postBooks: (batch) => {
      asked += 1
      store.troubles.push('unheard')
      return store.postBooks(batch)
    },
  })
  poster.add(entryLine('x'))
  for (let turn = 0; turn < 600; turn += 1) {
    clock.advance(100)
    await rest()
  }
  // A minute: 0.1, 0.2, ... and then every two seconds.
  expect(asked).toBeGreaterThan(25)
  expect(asked).toBeLessThan(40)
})

test('one line that the store refuses holds up no other', async () => {
  const { poster, posted, refused, store } = stage({
    postBooks: async (batch) => {
      if (batch.entries.some(({ exchangeId }) => exchangeId === 'poison'))
        throw new TypeError('no such thing')
      return store.postBooks(batch)
    },
  })
  for (let place = 0; place < 700; place += 1) poster.add(entryLine(`x${place}`))
  poster.add(entryLine('poison'))
  for (let place = 700; place < 1_500; place += 1) poster.add(entryLine(`x${place}`))
  await poster.flush()
  expect(refused.map(({ entry }) => entry?.exchangeId)).toEqual(['poison'])
  expect(store.entries.size).toBe(1_500)
  // The log need not keep it either.
  expect(posted).toHaveLength(1_501)
})

test('beyond its bound a line is not kept in memory, and the lines before it are posted all the same', async () => {
  const { poster, spilled, store } = stage({ linesMax: 3 })
  for (let place = 0; place < 5; place += 1) poster.add(entryLine(`x${place}`))
  expect(spilled.map(({ entry }) => entry?.exchangeId)).toEqual(['x3', 'x4'])
  await poster.flush()
  expect(store.entries.size).toBe(3)
  poster.add(entryLine('x5'))
  await poster.flush()
  expect(store.entries.size).toBe(4)
})

test('after it was stopped only a flush posts', async () => {
  const { clock, poster, store } = stage()
  poster.add(entryLine('x'))
  poster.stop()
  poster.add(entryLine('y'))
  clock.advance(10_000)
  await rest()
  expect(store.posts).toBe(0)
  await poster.flush()
  expect(store.entries.size).toBe(2)
  expect(clock.pendingTimers).toBe(0)
})
