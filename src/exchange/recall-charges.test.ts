import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Reply } from '../execution/reply.ts'
import type { JournalStore } from '../journal/journal-store.ts'
import type { Clock } from '../std/clock.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { client, FakeJournalStore, plainReply, receive, recallOn, Story } from './recall.test-support.ts'

/**
 * One key, asked again and again by a client that never gives up, while the store goes away and comes back at the worst
 * moments and the process is killed in the middle. However it goes, no more than one of its runs may have been paid for,
 * and whoever gets an answer gets that of this one.
 */

const away = fc.constantFrom('no' as const, 'silent' as const, 'says-so' as const)
const step = fc.record({
  /** What the run comes to; `killed`: the process ends while it runs. */
  outcome: fc.constantFrom(
    'answers' as const,
    'fails-paid' as const,
    'fails-free' as const,
    'killed' as const,
  ),
  /** The store when it is asked, and when it is told. */
  before: away,
  after: away,
  /** Whether the process is killed when the request is over. */
  isKilledThen: fc.boolean(),
  pauseMs: fc.integer({ min: 0, max: 90_000 }),
})

const facts = { owner: { tenant: 'acme', keyId: 'key_1' } }
const attempt = (code: 'upstream_timeout' | 'rate_limited') => [{ target: 'far/m', durationMs: 1, code }]
const paid = new GatewayError('upstream_timeout', 'late').withAttempts(attempt('upstream_timeout'))
const free = new GatewayError('rate_limited', 'slow down').withAttempts(attempt('rate_limited'))
const turn = () => new Promise(setImmediate)

/** A process: when it is killed its timers stop, and nothing of it reaches the store any more. */
class Process {
  isAlive = true
  readonly #clock: Clock
  readonly #store: JournalStore
  readonly story: Story

  constructor(clock: Clock, store: JournalStore, nodeId: string, execute: () => Promise<Reply>) {
    this.#clock = clock
    this.#store = store
    const recall = recallOn({ clock: this.#ownClock(), store: this.#ownStore(), nodeId })
    this.story = new Story(recall, execute)
  }

  #ownClock(): Clock {
    const { after, ...rest } = {
      wallMs: () => this.#clock.wallMs(),
      nowMs: () => this.#clock.nowMs(),
      after: (ms: number, call: () => void) => this.#clock.after(ms, () => this.isAlive && call()),
    }
    return { ...rest, after }
  }

  #ownStore(): JournalStore {
    const lives = async <Value>(work: () => Promise<Value>): Promise<Value> =>
      this.isAlive ? work() : new Promise<Value>(() => {})
    return {
      openJournals: (records, nowMs) => lives(() => this.#store.openJournals(records, nowMs)),
      writeJournal: (changes) => lives(() => this.#store.writeJournal(changes)),
      findJournal: (id, nowMs) => lives(() => this.#store.findJournal(id, nowMs)),
      sweepJournal: (nowMs, bytesMax) => lives(() => this.#store.sweepJournal(nowMs, bytesMax)),
    }
  }
}

test('fault 114: never a second charge, whatever the store does and whenever the process is killed', async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
    const clock = new ManualClock()
    const store = new FakeJournalStore()
    let charges = 0
    let current: (typeof steps)[number] | undefined
    const answers = new Set<string>()
    let processes = 0

    const execute = async (): Promise<Reply> => {
      store.away = current?.after ?? 'no'
      if (current?.outcome === 'fails-free') throw free
      charges += 1
      if (current?.outcome === 'killed') return new Promise(() => {})
      if (current?.outcome === 'fails-paid') throw paid
      return plainReply(`answer ${charges}`)
    }
    const begin = () => new Process(clock, store, `node-${(processes += 1)}`, execute)

    let running = begin()
    for (const one of steps) {
      current = one
      store.away = one.before
      const served = running.story.serve(client({ headers: { 'idempotency-key': 'k' } }).exchange, facts)
      served.then(
        async (reply) => reply.status === 200 && answers.add(await receive(reply).text),
        () => {},
      )
      for (let round = 0; round < 4; round += 1) {
        await turn()
        clock.advance(50)
      }
      if (one.isKilledThen || one.outcome === 'killed') {
        running.isAlive = false
        running = begin()
      }
      store.away = 'no'
      clock.advance(one.pauseMs)
      await turn()
    }
    expect(charges).toBeLessThanOrEqual(1)
    expect(answers.size).toBeLessThanOrEqual(1)
  })
  const result = await fc.check(property, { numRuns: 300 })
  expect(fc.defaultReportMessage(result)).toBeUndefined()
})
