import { expect, test } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import type { JournalRecord } from './journal-store.ts'
import { JournalWriter, LATE_BYTES_MAX, LATE_RECORDS_MAX } from './journal-writer.ts'

const writeJournal = async () => {
  throw new StoreUnavailable('away')
}

function writerOn(): JournalWriter {
  return new JournalWriter({
    clock: new ManualClock(),
    store: { writeJournal },
    gatherMs: 20,
    onTaken() {},
    onFreed: () => undefined,
  })
}

function done(id: string, bytes: number): JournalRecord {
  const name = { id, exchangeId: `req_${id}`, requestHash: 'hash', nodeId: 'n' }
  const times = { createdAtMs: 0, expiresAtMs: Number.MAX_SAFE_INTEGER }
  return { ...name, ...times, state: 'done', answer: new Uint8Array(bytes) }
}

test('one record too many takes no answer of those that only this process knows of', () => {
  const writer = writerOn()
  for (let place = 0; place < LATE_RECORDS_MAX; place += 1)
    writer.put({ record: done(`${place}`, 1), isBegun: false, isLeft: false })
  writer.put({ record: done('late', 1), isBegun: true, isLeft: false })
  expect(writer.size).toBe(LATE_RECORDS_MAX)
  expect(writer.find('0')?.record.answer).toHaveLength(1)
  expect(writer.find('late')).toBeUndefined()
})

test('too many bytes take the oldest answers, and no more of them than have to go', () => {
  const writer = writerOn()
  for (const id of ['a', 'b', 'c'])
    writer.put({ record: done(id, LATE_BYTES_MAX / 2), isBegun: false, isLeft: false })
  const found = ['a', 'b', 'c'].map((id) => writer.find(id)?.record)
  expect(found.map((record) => record?.state)).toEqual(['open', 'done', 'done'])
  expect(found[0]?.answer).toBeUndefined()
})
