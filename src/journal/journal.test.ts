import { beforeEach, describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { StoreConflict, StoreUnavailable } from '../std/store-error.ts'
import { CLAIM_WAIT_MS } from './claims.ts'
import { journalSchema } from './config-schema.ts'
import { journalId, readIdempotencyKey } from './idempotency-key.ts'
import { Journal, LATE_CLAIM_MS, UNDER_WAY_MS } from './journal.ts'
import type { JournalRecord, JournalStore } from './journal-store.ts'
import { LATE_BYTES_MAX } from './journal-writer.ts'

const settings = journalSchema.parse({ answerBytes: '64MiB' })
const sealer = { seal: (plain: Uint8Array) => plain, open: (sealed: Uint8Array) => sealed }
const entry = (id: string, exchangeId = `req_${id}`) => ({ id, requestHash: 'hash', exchangeId })

let clock: ManualClock
let records: Map<string, JournalRecord>

beforeEach(() => {
  clock = new ManualClock()
  records = new Map()
})

function unexpired(id: string, nowMs: number): JournalRecord | undefined {
  const found = records.get(id)
  return found !== undefined && found.expiresAtMs > nowMs ? found : undefined
}

function storeOf(changed: Partial<JournalStore> = {}): JournalStore {
  return {
    openJournals: async (asked, nowMs) =>
      asked.map((record) => {
        const found = unexpired(record.id, nowMs)
        if (found === undefined) records.set(record.id, record)
        return found
      }),
    writeJournal: async ({ freed, begun, kept }) => {
      for (const { id, exchangeId } of freed)
        if (records.get(id)?.exchangeId === exchangeId) records.delete(id)
      for (const record of begun) if (!records.has(record.id)) records.set(record.id, record)
      for (const record of kept)
        if ((records.get(record.id) ?? record).exchangeId === record.exchangeId)
          records.set(record.id, record)
    },
    findJournal: async (id, nowMs) => unexpired(id, nowMs),
    sweepJournal: async (nowMs) => {
      const expired = [...records.keys()].filter((id) => unexpired(id, nowMs) === undefined)
      for (const id of expired) records.delete(id)
      return expired.length
    },
    ...changed,
  }
}

function recordOf(id: string): JournalRecord {
  const createdAtMs = clock.wallMs()
  const times = { createdAtMs, expiresAtMs: createdAtMs + settings.ttl }
  return { ...entry(id), nodeId: 'n', state: 'open', ...times }
}

const SHORT = journalSchema.parse({ ttl: '60s' })
const journalOn = (store: JournalStore, rules = settings, nodeId = 'n') =>
  new Journal({ clock, store, sealer, nodeId, settings: rules })

describe('the journal', () => {
  test('asks again where somebody else was faster', async () => {
    const openJournals = vi.fn(storeOf().openJournals).mockRejectedValueOnce(new StoreConflict('again'))
    expect(await journalOn(storeOf({ openJournals })).begin(entry('a'))).toBeUndefined()
    expect(openJournals).toHaveBeenCalledTimes(2)
  })

  test('gives up the oldest of what the store does not take, and holds no more than its bound', async () => {
    const writeJournal = async () => {
      throw new StoreUnavailable('away')
    }
    const journal = journalOn(storeOf({ writeJournal }))
    const half = new Uint8Array(LATE_BYTES_MAX / 2 - 10)
    for (const id of ['a', 'b', 'c']) {
      await journal.begin(entry(id))
      await journal.keep(entry(id), half)
    }
    await expect(journal.begin(entry('a', 'again'))).rejects.toMatchObject({ code: 'idempotency_in_doubt' })
    expect((await journal.begin(entry('b', 'again')))?.answer).toHaveLength(half.length)
    expect((await journal.begin(entry('c', 'again')))?.answer).toHaveLength(half.length)
  })

  test('stops giving the store an answer that has expired', async () => {
    const writeJournal = async () => {
      throw new StoreUnavailable('away')
    }
    const journal = journalOn(storeOf({ writeJournal }))
    await journal.keep(entry('a'), Buffer.from('x'))
    for (let hour = 0; hour < 25; hour += 1) {
      clock.advance(3_600_000)
      await new Promise(setImmediate)
    }
    expect(clock.pendingTimers).toBe(0)
  })

  test('frees a key at once, whatever the store says of it', async () => {
    const away = new StoreUnavailable('away')
    const writeJournal = vi.fn(storeOf().writeJournal).mockRejectedValueOnce(away)
    const journal = journalOn(storeOf({ writeJournal }))
    await journal.begin(entry('a'))
    await journal.free(entry('a'))
    expect(records.size).toBe(1)
    expect(await journal.begin(entry('a', 'again'))).toBeUndefined()
    expect(records.get('a')?.exchangeId).toBe('again')
  })

  test('a claim that failed after it was made blocks its key on no other node', async () => {
    const openJournals = vi.fn(storeOf().openJournals).mockImplementationOnce(async (asked) => {
      for (const record of asked) records.set(record.id, record)
      throw new StoreUnavailable('The connection broke off.')
    })
    const journal = journalOn(storeOf({ openJournals }))
    await expect(journal.begin(entry('a'))).rejects.toMatchObject({ code: 'store_unavailable' })
    await new Promise(setImmediate)
    expect(await journalOn(storeOf()).begin(entry('a', 'elsewhere'))).toBeUndefined()
  })

  test('a claim that the store makes long after it was given up is freed all the same', async () => {
    const openJournals = vi.fn(storeOf().openJournals).mockReturnValueOnce(new Promise(() => {}))
    const journal = journalOn(storeOf({ openJournals }))
    const begun = journal.begin(entry('a'))
    await new Promise(setImmediate)
    clock.advance(CLAIM_WAIT_MS)
    await expect(begun).rejects.toMatchObject({ code: 'store_unavailable' })
    await new Promise(setImmediate)
    await storeOf().openJournals([recordOf('a')], clock.wallMs())
    clock.advance(LATE_CLAIM_MS)
    await journal.sweep()
    await new Promise(setImmediate)
    expect(await journalOn(storeOf()).begin(entry('a', 'elsewhere'))).toBeUndefined()
  })

  test('a claim that the store was never asked for is not freed there', async () => {
    const refusal = new StoreUnavailable('away', { wasAsked: false })
    const writeJournal = vi.fn(storeOf().writeJournal)
    const journal = journalOn(storeOf({ openJournals: () => Promise.reject(refusal), writeJournal }))
    await expect(journal.begin(entry('a'))).rejects.toMatchObject({ code: 'store_unavailable' })
    await new Promise(setImmediate)
    expect(writeJournal).not.toHaveBeenCalled()
  })

  test('a request that spent nothing is remembered until the store has long dropped its record, and no longer', async () => {
    let isAway = true
    const writeJournal: JournalStore['writeJournal'] = async (changes) => {
      if (isAway) throw new StoreUnavailable('away')
      await storeOf().writeJournal(changes)
    }
    const journal = journalOn(storeOf({ writeJournal }))
    const pass = async (ms: number) => {
      clock.advance(ms)
      await journal.sweep()
      await new Promise(setImmediate)
    }
    const readAgain = () => {
      records.set('a', recordOf('a'))
      return journal.begin(entry('a', 'again'))
    }
    await journal.begin(entry('a'))
    await journal.free(entry('a'))
    // However long the store does not take it.
    for (let times = 0; times < 5; times += 1) await pass(LATE_CLAIM_MS)
    expect(records.has('a')).toBe(true)
    isAway = false
    await pass(LATE_CLAIM_MS * 2)
    expect(records.has('a')).toBe(false)
    await pass(LATE_CLAIM_MS - 1)
    expect(await readAgain()).toBeUndefined()
    // It was dropped once more.
    await pass(LATE_CLAIM_MS - 1)
    expect(await readAgain()).toBeUndefined()
    await pass(LATE_CLAIM_MS)
    await expect(readAgain()).rejects.toMatchObject({ code: 'idempotency_in_doubt' })
  })

  test('a claim that failed is remembered until it can have been begun no more, and was freed', async () => {
    const openJournals = vi.fn(storeOf().openJournals).mockRejectedValueOnce(new StoreUnavailable('away'))
    const writeJournal = vi.fn(storeOf().writeJournal)
    const journal = journalOn(storeOf({ openJournals, writeJournal }))
    await expect(journal.begin(entry('a'))).rejects.toMatchObject({ code: 'store_unavailable' })
    await new Promise(setImmediate)
    expect(writeJournal).toHaveBeenCalledTimes(1)
    clock.advance(LATE_CLAIM_MS)
    records.set('a', recordOf('a'))
    await journal.sweep()
    await new Promise(setImmediate)
    expect([writeJournal.mock.calls.length, records.has('a')]).toEqual([2, false])
    records.set('a', recordOf('a'))
    expect(await journal.begin(entry('a', 'again'))).toBeUndefined()
  })

  test('what was begun beside another that was in conflict is its own, and not in doubt', async () => {
    const openJournals = vi.fn(storeOf().openJournals).mockImplementationOnce(async (asked) => {
      for (const record of asked) records.set(record.id, record)
      throw new StoreConflict('the other one')
    })
    expect(await journalOn(storeOf({ openJournals })).begin(entry('a'))).toBeUndefined()
  })

  test('tells what is kept without beginning anything', async () => {
    const journal = journalOn(storeOf())
    expect(await journal.find(entry('a'))).toBeUndefined()
    await journal.begin(entry('a'))
    await expect(journal.find(entry('a'))).rejects.toMatchObject({ code: 'idempotency_in_doubt' })
    await journal.keep(entry('a'), Buffer.from('x'))
    expect(await journal.find(entry('a'))).toEqual({ exchangeId: 'req_a', answer: Buffer.from('x') })
  })

  test('of what another process may be making says that asking again helps, for as long as a run is reckoned to take', async () => {
    const [journal, other] = [journalOn(storeOf()), journalOn(storeOf(), settings, 'node_2')]
    await journal.begin(entry('a'))
    await expect(other.begin(entry('a', 'b'))).rejects.toMatchObject({
      code: 'idempotency_in_doubt',
      isClientRetryable: true,
      facts: { retryAfterMs: 2_000 },
    })
    // Its own, it would have joined.
    await expect(journal.begin(entry('a', 'c'))).rejects.toMatchObject({ isClientRetryable: false })
    await journal.keep(entry('a'), Buffer.from('x'))
    expect(await other.begin(entry('a', 'd'))).toMatchObject({ exchangeId: 'req_a' })
    await journal.begin(entry('e'))
    clock.advance(UNDER_WAY_MS)
    await expect(other.begin(entry('e', 'f'))).rejects.toMatchObject({ isClientRetryable: false })
  })

  test('gives an answer again for its whole time, however long it took to be made', async () => {
    const journal = journalOn(storeOf(), SHORT)
    const other = journalOn(storeOf(), SHORT)
    const inDoubt = { code: 'idempotency_in_doubt' }
    await journal.begin(entry('a'))
    clock.advance(SHORT.ttl * 1.5)
    await journal.sweep()
    await expect(other.begin(entry('a', 'meanwhile'))).rejects.toMatchObject(inDoubt)
    await journal.keep(entry('a'), Buffer.from('x'))
    clock.advance(SHORT.ttl - 1)
    await other.sweep()
    expect(await other.begin(entry('a', 'again'))).toMatchObject({ exchangeId: 'req_a' })
    clock.advance(1)
    expect(await other.begin(entry('a', 'anew'))).toBeUndefined()
  })

  test('keeps the answer of a run that took so long that its key was given up', async () => {
    const journal = journalOn(storeOf(), SHORT)
    await journal.begin(entry('a'))
    clock.advance(SHORT.ttl + UNDER_WAY_MS)
    await journal.sweep()
    expect(records.size).toBe(0)
    await journal.keep(entry('a'), Buffer.from('x'))
    expect(await journal.begin(entry('a', 'again'))).toMatchObject({ exchangeId: 'req_a' })
  })

  test('sweeps now and then until it is stopped', async () => {
    const sweepJournal = vi.fn(async () => 0)
    const journal = journalOn(storeOf({ sweepJournal }))
    journal.start(60_000)
    clock.advance(60_000)
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1))
    journal.stop()
    expect(clock.pendingTimers).toBe(0)
    expect(sweepJournal).toHaveBeenCalledWith(clock.wallMs(), settings.bytes)
  })
})

test('SEC-41: one key of two callers is two names, however they are spelled', () => {
  const owners = [
    { tenant: 'a', keyId: 'b' },
    { tenant: 'ab', keyId: '' },
    { tenant: '', keyId: 'ab' },
    { tenant: 'a","b', keyId: '' },
  ]
  expect(new Set(owners.map((owner) => journalId(owner, 'k'))).size).toBe(4)
  expect(journalId({ tenant: 'a', keyId: 'b' }, 'k')).toMatch(/^[0-9a-f]{64}$/)
})

test('a key may have 255 characters', () => {
  expect(readIdempotencyKey({})).toBeUndefined()
  expect(readIdempotencyKey({ 'idempotency-key': 'k'.repeat(255) })).toHaveLength(255)
  expect(() => readIdempotencyKey({ 'idempotency-key': ['a', 'b'] })).toThrow('Idempotency-Key')
})
