import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRetryBudget, RETRY_WINDOW_MS, type RetryState } from './retry-budget.ts'

const BUCKET_MS = RETRY_WINDOW_MS / 10
/** Five requests pay for one retry. In fifths of a retry nothing has to be rounded. */
const FIFTHS = 5
const FLOOR_FIFTHS = 3 * FIFTHS

type Step =
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'request'; readonly pool: string; readonly times: number }
  | { readonly type: 'take'; readonly pool: string; readonly times: number }
  | { readonly type: 'ask'; readonly pool: string }

const pool = fc.constantFrom('a', 'b', '')
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('wait' as const),
      ms: fc.oneof(
        fc.constantFrom(0, 0.5, 1, 499.5, 999, 1_000, 1_001, 9_000, 9_999, 10_000, 10_999, 11_000, 60_000),
        fc.integer({ min: 0, max: 3_000 }),
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('request' as const),
      pool,
      times: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('take' as const), pool, times: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('ask' as const), pool }) },
)
const course = fc.array(step, { maxLength: 100, size: 'max' })

/** Forgets nothing, and counts anew each time it is asked. */
class NaivePool {
  readonly requests: number[] = []
  readonly retries: number[] = []

  state(nowMs: number): RetryState {
    const bucket = Math.floor(nowMs / BUCKET_MS)
    const youngerThan = (buckets: number) => (moment: number) =>
      Math.floor(moment / BUCKET_MS) > bucket - buckets
    return {
      requests: this.requests.filter(youngerThan(10)).length,
      retries: this.retries.filter(youngerThan(11)).length,
    }
  }

  hasOneAt(nowMs: number): boolean {
    const { requests, retries } = this.state(nowMs)
    return FIFTHS * (retries + 1) <= requests + FLOOR_FIFTHS
  }
}

class Play {
  readonly #budget = createRetryBudget()
  readonly #pools = new Map<string, NaivePool>()
  /** Not at the beginning of a bucket. */
  #nowMs = 123_456

  do(one: Step): void {
    if (one.type === 'wait') this.#nowMs += one.ms
    else if (one.type === 'request')
      for (let count = 0; count < one.times; count += 1) this.#request(one.pool)
    else if (one.type === 'take') for (let count = 0; count < one.times; count += 1) this.#take(one.pool)
    else this.#ask(one.pool)
  }

  /** In the order of their first call, without those that have nothing in their window. */
  get expectedPools() {
    return [...this.#pools]
      .map(([name, model]) => ({ pool: name, ...model.state(this.#nowMs) }))
      .filter(({ requests, retries }) => requests + retries > 0)
  }

  get pools() {
    return this.#budget.pools(this.#nowMs)
  }

  #request(name: string): void {
    this.#budget.noteRequest(name, this.#nowMs)
    this.#open(name).requests.push(this.#nowMs)
  }

  #take(name: string): void {
    const nowMs = this.#nowMs
    const model = this.#open(name)
    const isTaken = this.#budget.take(name, nowMs)
    expect(isTaken).toBe(model.hasOneAt(nowMs))
    if (isTaken) model.retries.push(nowMs)
    const since = (moments: readonly number[], ms: number) =>
      moments.filter((moment) => moment > nowMs - ms).length
    if (isTaken) {
      // What is promised of real windows, whose ends are not those of buckets.
      const retries = model.retries.filter((moment) => moment >= nowMs - RETRY_WINDOW_MS).length
      expect(FIFTHS * retries).toBeLessThanOrEqual(since(model.requests, RETRY_WINDOW_MS) + FLOOR_FIFTHS)
    } else {
      // Nobody is refused who is far below: a bucket of requests less and a bucket of retries more make the difference.
      const retries = since(model.retries, RETRY_WINDOW_MS + BUCKET_MS) + 1
      const requests = since(model.requests, RETRY_WINDOW_MS - BUCKET_MS)
      expect(FIFTHS * retries).toBeGreaterThan(requests + FLOOR_FIFTHS)
    }
  }

  /** Asking opens nothing and takes nothing. */
  #ask(name: string): void {
    const model = this.#pools.get(name) ?? new NaivePool()
    expect(this.#budget.mayRetry(name, this.#nowMs)).toBe(model.hasOneAt(this.#nowMs))
    expect(this.#budget.state(name, this.#nowMs)).toEqual(model.state(this.#nowMs))
  }

  #open(name: string): NaivePool {
    const model = this.#pools.get(name) ?? new NaivePool()
    this.#pools.set(name, model)
    return model
  }
}

test('any course: a budget counts and decides as one that remembers every moment', () => {
  fc.assert(
    fc.property(course, (steps) => {
      const play = new Play()
      for (const one of steps) {
        play.do(one)
        expect(play.pools).toEqual(play.expectedPools)
      }
    }),
    { numRuns: 300 },
  )
})

test('any course: it does so too where nobody looks at it before the end', () => {
  fc.assert(
    fc.property(course, (steps) => {
      const play = new Play()
      for (const one of steps) play.do(one)
      expect(play.pools).toEqual(play.expectedPools)
    }),
    { numRuns: 300 },
  )
})
