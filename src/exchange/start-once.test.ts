import { expect, test, vi } from 'vitest'
import type { Reply } from '../execution/reply.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { client, FakeJournalStore, plainReply, receive, recallOn } from './recall.test-support.ts'
import { startOnce } from './start-once.ts'

const owner = { tenant: 'acme', keyId: 'key_1' }
const asked = (body: object = {}) =>
  client({ headers: { 'idempotency-key': 'k' }, body: { ...body } }).exchange

/** Of one gateway after the other, over the same store. */
function starting(store = new FakeJournalStore()) {
  let count = 0
  const start = vi.fn((): Reply => plainReply(`{"id":"resp_${(count += 1)}"}`))
  const recall = recallOn({ clock: new ManualClock(), store })
  return { start, once: (exchange = asked()) => startOnce(exchange, { owner, recall, start }) }
}

test('one key begins one answer, after a restart as well', async () => {
  const store = new FakeJournalStore()
  const { start, once } = starting(store)
  const replies = [await once(), await once()]
  const next = starting(store)
  replies.push(await next.once())
  expect(await Promise.all(replies.map((reply) => receive(reply).text))).toEqual(
    Array.from({ length: 3 }, () => '{"id":"resp_1"}'),
  )
  expect(replies.map(({ recall }) => recall)).toEqual([undefined, 'replayed', 'replayed'])
  expect(start).toHaveBeenCalledTimes(1)
  expect(next.start).not.toHaveBeenCalled()
})

test('another request with the key begins nothing', async () => {
  const { start, once } = starting()
  await once()
  await expect(once(asked({ seed: 1 }))).rejects.toMatchObject({ code: 'idempotency_mismatch' })
  expect(start).toHaveBeenCalledTimes(1)
})

test('the key is free again where nothing could be begun', async () => {
  const { start, once } = starting()
  start.mockImplementationOnce(() => {
    throw new Error('no')
  })
  await expect(once()).rejects.toThrow('no')
  await once()
  expect(start).toHaveBeenCalledTimes(2)
})
