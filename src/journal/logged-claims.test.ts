import { hash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type AppendLog, openAppendLog } from '../std/append-log.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import { journalSchema } from './config-schema.ts'
import { CLAIM_WAIT_MS } from './claims.ts'
import { GATHER_MS, Journal, UNDER_WAY_MS } from './journal.ts'
import type { JournalChanges, JournalRecord, JournalStore } from './journal-store.ts'
import { LATE_RECORDS_MAX } from './journal-writer.ts'

const sealer = { seal: (plain: Uint8Array) => plain, open: (sealed: Uint8Array) => sealed }
const idOf = (name: string) => hash('sha256', name)
const entry = (name: string, exchangeId = `req_${name}`) => ({
  id: idOf(name),
  requestHash: 'hash',
  exchangeId,
})
const settings = journalSchema.parse(undefined)
const turn = () => new Promise(setImmediate)

/** A store as one process has it; while `away` is set it says so, or hangs. */
class OneProcessStore implements JournalStore {
  readonly records = new Map<string, JournalRecord>()
  readonly asked: string[] = []
  readonly written: JournalChanges[] = []
  away: 'no' | 'silent' | 'says-so' = 'no'
  /** Refused whatever happens. */
  refused: string | undefined

  openJournals = (asked: readonly JournalRecord[]) =>
    this.#answer('open', () =>
      asked.map((record) => {
        const found = this.records.get(record.id)
        if (found === undefined) this.records.set(record.id, record)
        return found
      }),
    )
  writeJournal = (changes: JournalChanges) =>
    this.#answer('write', () => {
      if (changes.begun.some(({ exchangeId }) => exchangeId === this.refused)) throw new RangeError('never')
      this.written.push(changes)
      for (const { id, exchangeId } of changes.freed)
        if (this.records.get(id)?.exchangeId === exchangeId) this.records.delete(id)
      for (const record of changes.begun)
        if (!this.records.has(record.id)) this.records.set(record.id, record)
      for (const record of changes.kept) this.records.set(record.id, record)
    })
  findJournal = (id: string) => this.#answer('find', () => this.records.get(id))
  sweepJournal = () => this.#answer('sweep', () => 0)
  listJournal = () =>
    this.#answer('list', () => ({ ids: [...this.records.keys()], expireAtMs: 1, next: undefined }))

  async #answer<Value>(name: string, work: () => Value): Promise<Value> {
    this.asked.push(name)
    if (this.away === 'silent') return new Promise(() => {})
    if (this.away === 'says-so') throw new StoreUnavailable('away')
    return work()
  }
}

let clock: ManualClock
let store: OneProcessStore
let root: string
let logs: AppendLog[]

beforeEach(() => {
  clock = new ManualClock()
  store = new OneProcessStore()
  root = mkdtempSync(path.join(tmpdir(), 'holdfast-journal-'))
  logs = []
})

afterEach(() => {
  for (const log of logs) log.close()
  rmSync(root, { recursive: true })
})

const folderOf = (run: string) => path.join(root, run)

/** A run of the gateway, which knows what the store has. */
async function runOf(run: string, segmentBytesMax = 1_000_000): Promise<Journal> {
  const log = openAppendLog({ folder: folderOf(run), segmentBytesMax })
  logs.push(log)
  const journal = new Journal({ clock, store, sealer, nodeId: run, settings, log })
  journal.start(60_000)
  await turn()
  return journal
}

async function gathered(): Promise<void> {
  clock.advance(GATHER_MS)
  await turn()
}

describe('keys that are claimed in a log of our own', () => {
  test('an answer that came long after its key was claimed is found for its whole time', async () => {
    const journal = await runOf('one')
    await journal.begin(entry('a'))
    await gathered()
    // What was known of the key when it was claimed is forgotten by now.
    clock.advance(settings.ttl + UNDER_WAY_MS)
    await journal.sweep()
    await journal.sweep()
    await journal.keep(entry('a'), Buffer.from('answer'))
    await gathered()
    expect((await journal.begin(entry('a', 'again')))?.answer).toEqual(Buffer.from('answer'))
  })

  test('fault 127: a new key waits for no store, however long that one hangs', async () => {
    const journal = await runOf('one')
    store.away = 'silent'
    expect(await journal.begin(entry('a'))).toBeUndefined()
    await journal.keep(entry('a'), Buffer.from('answer'))
    expect((await journal.begin(entry('a', 'again')))?.answer).toEqual(Buffer.from('answer'))
    expect(store.asked).toEqual(['list'])
  })

  test('what was begun and answered meanwhile goes to the store in one change', async () => {
    const journal = await runOf('one')
    for (const name of ['a', 'b', 'c']) await journal.begin(entry(name))
    await journal.keep(entry('b'), Buffer.from('answer'))
    await journal.free(entry('c'))
    expect(store.written).toHaveLength(0)
    await gathered()
    expect(store.written).toHaveLength(1)
    expect(store.written[0]?.begun.map(({ exchangeId, state }) => [exchangeId, state])).toEqual([
      ['req_a', 'open'],
      ['req_b', 'done'],
    ])
    await journal.keep(entry('a'), Buffer.from('late'))
    await gathered()
    expect(store.records.get(idOf('a'))?.state).toBe('done')
    expect(journal.isAllKept).toBe(true)
  })

  test('a key that may have been used is asked of the store: served late rather than refused, up to a bound', async () => {
    await (await runOf('one')).begin(entry('a'))
    await gathered()
    const journal = await runOf('two')
    await expect(journal.begin(entry('a', 'again'))).rejects.toMatchObject({ code: 'idempotency_in_doubt' })
    store.away = 'silent'
    const refused = journal.begin(entry('a', 'again')).catch((error: unknown) => error)
    await turn()
    clock.advance(CLAIM_WAIT_MS)
    expect(await refused).toMatchObject({ code: 'store_unavailable' })
  })

  test('until it is known which keys the store has, each is asked of it', async () => {
    store.away = 'says-so'
    const journal = await runOf('one')
    await expect(journal.begin(entry('a'))).rejects.toMatchObject({ code: 'store_unavailable' })
    store.away = 'no'
    clock.advance(1_000)
    await turn()
    store.away = 'silent'
    expect(await journal.begin(entry('a', 'again'))).toBeUndefined()
  })

  test('fault 114: what a killed run had begun is in doubt in the next, though the store never heard of it', async () => {
    const killed = await runOf('one')
    store.away = 'silent'
    await killed.begin(entry('a'))
    await killed.begin(entry('freed'))
    await killed.free(entry('freed'))
    store.away = 'says-so'
    const next = await runOf('two')
    next.adopt(folderOf('one'))
    await expect(next.begin(entry('a', 'again'))).rejects.toMatchObject({ code: 'store_unavailable' })
    store.away = 'no'
    next.setCompany(true)
    await expect(next.begin(entry('a', 'again'))).rejects.toMatchObject({ code: 'idempotency_in_doubt' })
    expect(await next.begin(entry('freed', 'again'))).toBeUndefined()
  })

  test('fault 114: the run after the next knows it too, and where the store has the answer it is given again', async () => {
    const killed = await runOf('one')
    await killed.begin(entry('a'))
    await killed.begin(entry('b'))
    await killed.keep(entry('b'), Buffer.from('answer'))
    await gathered()
    store.records.delete(idOf('a'))
    store.away = 'says-so'
    const second = await runOf('two')
    second.adopt(folderOf('one'))
    rmSync(folderOf('one'), { recursive: true })
    store.away = 'no'
    const third = await runOf('three')
    third.adopt(folderOf('two'))
    await expect(third.begin(entry('a', 'again'))).rejects.toMatchObject({ code: 'idempotency_in_doubt' })
    expect((await third.begin(entry('b', 'again')))?.answer).toEqual(Buffer.from('answer'))
  })

  test('beside another process each key is claimed in the store, and once it is gone what it claimed is known', async () => {
    const one = await runOf('one')
    const two = await runOf('two')
    for (const run of [one, two]) run.setCompany(true)
    expect(await two.begin(entry('a'))).toBeUndefined()
    await expect(one.begin(entry('a', 'again'))).rejects.toMatchObject({ code: 'idempotency_in_doubt' })
    await two.keep(entry('a'), Buffer.from('answer'))
    await gathered()
    one.setCompany(false)
    await turn()
    expect((await one.begin(entry('a', 'again')))?.answer).toEqual(Buffer.from('answer'))
  })

  test('the log lets go of what the store has', async () => {
    const journal = await runOf('one', 1)
    for (const name of ['a', 'b', 'c']) await journal.begin(entry(name))
    expect(readdirSync(folderOf('one'))).toHaveLength(3)
    await gathered()
    expect(readdirSync(folderOf('one'))).toEqual(['00000003.log'])
    await journal.begin(entry('d'))
    expect(readdirSync(folderOf('one'))).toEqual(['00000004.log'])
  })

  test('a record that the store refuses whatever happens holds up no other', async () => {
    const journal = await runOf('one')
    store.refused = 'req_b'
    for (const name of ['a', 'b', 'c']) await journal.begin(entry(name))
    for (let times = 0; times < 20; times += 1) {
      clock.advance(30_000)
      await turn()
    }
    expect([...store.records.values()].map(({ exchangeId }) => exchangeId).sort()).toEqual(['req_a', 'req_c'])
    await expect(journal.begin(entry('b', 'again'))).rejects.toMatchObject({ code: 'idempotency_in_doubt' })
  })

  test('no more keys are claimed than may wait for the store', async () => {
    const journal = await runOf('one')
    store.away = 'says-so'
    for (let count = 0; count < LATE_RECORDS_MAX; count += 1) await journal.begin(entry(`k${count}`))
    await expect(journal.begin(entry('one more'))).rejects.toMatchObject({ code: 'store_unavailable' })
    store.away = 'no'
    await journal.close()
    expect(store.records.size).toBe(LATE_RECORDS_MAX)
  })

  test('a log that cannot be written claims nothing', async () => {
    const journal = await runOf('one')
    rmSync(folderOf('one'), { recursive: true })
    await expect(journal.begin(entry('a'))).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(journal.isAllKept).toBe(true)
  })
})
