import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createRetryBudget,
  RETRY_FLOOR,
  RETRY_POOLS_MAX,
  RETRY_SHARE,
  RETRY_WINDOW_MS,
} from './retry-budget.ts'

const BUCKET_MS = RETRY_WINDOW_MS / 10

function takeAll(budget: ReturnType<typeof createRetryBudget>, nowMs: number, pool = 'p'): number {
  let taken = 0
  while (taken < 1_000 && budget.take(pool, nowMs)) taken += 1
  return taken
}

describe('a retry budget', () => {
  test('allows three retries where nobody has asked for anything', () => {
    const budget = createRetryBudget()
    expect(budget.mayRetry('p', 0)).toBe(true)
    expect(takeAll(budget, 0)).toBe(RETRY_FLOOR)
    expect(budget.mayRetry('p', 0)).toBe(false)
    expect(budget.take('p', 0)).toBe(false)
  })

  test('allows one more for every five requests', () => {
    const budget = createRetryBudget()
    for (let request = 0; request < 50; request += 1) budget.noteRequest('p', 0)
    expect(takeAll(budget, 0)).toBe(13)
    expect(budget.state('p', 0)).toEqual({ requests: 50, retries: 13 })
  })

  test('forgets requests after their window, and retries a tenth of it later', () => {
    const budget = createRetryBudget()
    for (let request = 0; request < 50; request += 1) budget.noteRequest('p', 0)
    expect(takeAll(budget, 0)).toBe(13)
    expect(budget.state('p', RETRY_WINDOW_MS - 1)).toEqual({ requests: 50, retries: 13 })
    expect(budget.state('p', RETRY_WINDOW_MS)).toEqual({ requests: 0, retries: 13 })
    expect(budget.mayRetry('p', RETRY_WINDOW_MS)).toBe(false)
    expect(budget.state('p', RETRY_WINDOW_MS + BUCKET_MS)).toEqual({ requests: 0, retries: 0 })
    expect(takeAll(budget, RETRY_WINDOW_MS + BUCKET_MS)).toBe(RETRY_FLOOR)
  })

  test('keeps pools apart, and tells of those with something in their window', () => {
    const budget = createRetryBudget()
    expect(takeAll(budget, 0, 'one')).toBe(RETRY_FLOOR)
    expect(takeAll(budget, 0, 'other')).toBe(RETRY_FLOOR)
    expect(budget.pools(0)).toEqual([
      { pool: 'one', requests: 0, retries: 3 },
      { pool: 'other', requests: 0, retries: 3 },
    ])
    expect(budget.pools(2 * RETRY_WINDOW_MS)).toEqual([])
  })

  test('shares one budget among the pools beyond its bound, while all of them are in use', () => {
    const budget = createRetryBudget()
    for (let pool = 0; pool < RETRY_POOLS_MAX; pool += 1) budget.noteRequest(`p${pool}`, 0)
    expect(takeAll(budget, 0, 'late')).toBe(RETRY_FLOOR)
    expect(budget.take('later', 0)).toBe(false)
    expect(takeAll(budget, 3 * RETRY_WINDOW_MS, 'later')).toBe(RETRY_FLOOR)
  })

  test('a clock that stands still or goes back changes nothing', () => {
    const budget = createRetryBudget()
    budget.noteRequest('p', 5 * BUCKET_MS)
    expect(budget.take('p', 0)).toBe(true)
    expect(budget.state('p', 0)).toEqual({ requests: 1, retries: 1 })
  })
})

describe('asking a retry budget', () => {
  test('takes nothing and opens no pool', () => {
    const budget = createRetryBudget()
    for (let count = 0; count < 10; count += 1) expect(budget.mayRetry('p', 0)).toBe(true)
    expect(budget.state('p', 0)).toEqual({ requests: 0, retries: 0 })
    expect(budget.pools(0)).toEqual([])
    expect(takeAll(budget, 0)).toBe(RETRY_FLOOR)
  })

  test('says what taking would, up to the last of them', () => {
    const budget = createRetryBudget()
    for (let request = 0; request < 4; request += 1) budget.noteRequest('p', 0)
    expect(takeAll(budget, 0)).toBe(3)
    expect(budget.mayRetry('p', 0)).toBe(false)
    budget.noteRequest('p', 0)
    expect(budget.mayRetry('p', 0)).toBe(true)
    expect(takeAll(budget, 0)).toBe(1)
    expect(budget.state('p', 0)).toEqual({ requests: 5, retries: 4 })
  })

  test('a retry that was refused is not counted', () => {
    const budget = createRetryBudget()
    takeAll(budget, 0)
    for (let count = 0; count < 10; count += 1) budget.take('p', BUCKET_MS)
    expect(budget.state('p', RETRY_WINDOW_MS)).toEqual({ requests: 0, retries: 3 })
    expect(takeAll(budget, RETRY_WINDOW_MS + BUCKET_MS)).toBe(RETRY_FLOOR)
  })

  test('leaves out only the pools that have nothing in their window', () => {
    const budget = createRetryBudget()
    budget.noteRequest('request', 0)
    budget.take('retry', 0)
    budget.noteRequest('newer', 5 * BUCKET_MS)
    expect(budget.pools(RETRY_WINDOW_MS)).toEqual([
      { pool: 'retry', requests: 0, retries: 1 },
      { pool: 'newer', requests: 1, retries: 0 },
    ])
    expect(budget.pools(RETRY_WINDOW_MS + BUCKET_MS).map(({ pool }) => pool)).toEqual(['newer'])
  })
})

/** As many pools as are kept apart, all with a request at 0. */
function createFullBudget(): ReturnType<typeof createRetryBudget> {
  const budget = createRetryBudget()
  for (let pool = 0; pool < RETRY_POOLS_MAX; pool += 1) budget.noteRequest(`p${pool}`, 0)
  return budget
}

describe('pools beyond the bound', () => {
  test('begin with the first that is one too many', () => {
    const budget = createFullBudget()
    expect(budget.state(`p${RETRY_POOLS_MAX - 1}`, 0)).toEqual({ requests: 1, retries: 0 })
    budget.noteRequest('late', 0)
    expect(budget.state('late', 0)).toEqual({ requests: 0, retries: 0 })
    const names = budget.pools(0).map(({ pool }) => pool)
    expect(names).toHaveLength(RETRY_POOLS_MAX)
    expect(names).not.toContain('late')
  })

  test('pay for each other with their requests, and take nothing from those that are kept', () => {
    const budget = createFullBudget()
    for (const pool of ['v', 'w', 'x', 'y', 'z']) budget.noteRequest(pool, 0)
    expect(takeAll(budget, 0, 'v')).toBe(RETRY_FLOOR + 1)
    expect(takeAll(budget, 0, 'w')).toBe(0)
    expect(takeAll(budget, 0, 'p0')).toBe(RETRY_FLOOR)
    expect(takeAll(budget, 0, `p${RETRY_POOLS_MAX - 1}`)).toBe(RETRY_FLOOR)
  })

  test('get a budget of their own with the moment the oldest kept one is idle', () => {
    const budget = createFullBudget()
    budget.noteRequest('late', RETRY_WINDOW_MS - 1)
    expect(budget.state('late', RETRY_WINDOW_MS - 1).requests).toBe(0)
    budget.noteRequest('late', RETRY_WINDOW_MS)
    expect(budget.pools(RETRY_WINDOW_MS)).toEqual([{ pool: 'late', requests: 1, retries: 0 }])
  })

  test('never push out one that is in use, however old it is', () => {
    const budget = createFullBudget()
    expect(takeAll(budget, RETRY_WINDOW_MS - 1, 'p0')).toBe(RETRY_FLOOR)
    for (let late = 0; late < 20; late += 1) budget.noteRequest(`late${late}`, RETRY_WINDOW_MS)
    expect(budget.take('p0', RETRY_WINDOW_MS)).toBe(false)
    expect(budget.pools(RETRY_WINDOW_MS)).toHaveLength(21)
  })

  test('wait where the eight oldest are in use, which are then looked at last', () => {
    const budget = createFullBudget()
    for (let pool = 0; pool < 8; pool += 1) budget.noteRequest(`p${pool}`, RETRY_WINDOW_MS - 1)
    budget.noteRequest('late', RETRY_WINDOW_MS)
    expect(budget.state('late', RETRY_WINDOW_MS).requests).toBe(0)
    budget.noteRequest('late', RETRY_WINDOW_MS)
    expect(budget.state('late', RETRY_WINDOW_MS).requests).toBe(1)
    const names = budget.pools(RETRY_WINDOW_MS).map(({ pool }) => pool)
    expect(names).toEqual(['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'late'])
  })

  test('need not wait where only seven of the oldest are in use', () => {
    const budget = createFullBudget()
    for (let pool = 0; pool < 7; pool += 1) budget.noteRequest(`p${pool}`, RETRY_WINDOW_MS - 1)
    budget.noteRequest('late', RETRY_WINDOW_MS)
    expect(budget.state('late', RETRY_WINDOW_MS).requests).toBe(1)
  })
})

type Act = { readonly type: 'request' | 'retry' } | { readonly type: 'time'; readonly ms: number }

const act = fc.oneof(
  fc.record({ type: fc.constantFrom('request' as const, 'retry' as const) }),
  fc.record({ type: fc.constant('time' as const), ms: fc.integer({ min: 0, max: 4_000 }) }),
)

test('any course: never more than a fifth of the requests of the last ten seconds, and three, before any retry', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 200 }), (acts: readonly Act[]) => {
      const budget = createRetryBudget()
      const requests: number[] = []
      const retries: number[] = []
      let nowMs = 0
      for (const one of acts) {
        if (one.type === 'time') nowMs += one.ms
        else if (one.type === 'request') {
          budget.noteRequest('p', nowMs)
          requests.push(nowMs)
        } else if (budget.take('p', nowMs)) {
          retries.push(nowMs)
          const within = (moment: number) => moment > nowMs - RETRY_WINDOW_MS
          const allowed = requests.filter(within).length * RETRY_SHARE + RETRY_FLOOR
          expect(retries.filter(within).length).toBeLessThanOrEqual(allowed + 1e-9)
        } else {
          // Refused only where it is at its bound, counted in whole tenths of the window.
          const near = (moment: number) => moment > nowMs - RETRY_WINDOW_MS - 2 * BUCKET_MS
          const sure = (moment: number) => moment > nowMs - RETRY_WINDOW_MS + BUCKET_MS
          expect(retries.filter(near).length + 1).toBeGreaterThan(
            requests.filter(sure).length * RETRY_SHARE + RETRY_FLOOR - 1e-9,
          )
        }
      }
    }),
    { numRuns: 500 },
  )
})

test('over a whole course: calls are at most 1.2 times the requests, and three for every window begun', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 300 }), (acts: readonly Act[]) => {
      const budget = createRetryBudget()
      let [requests, retries, nowMs] = [0, 0, 0]
      for (const one of acts) {
        if (one.type === 'time') nowMs += one.ms
        else if (one.type === 'request') {
          budget.noteRequest('p', nowMs)
          requests += 1
        } else if (budget.take('p', nowMs)) retries += 1
      }
      const windows = Math.floor(nowMs / (RETRY_WINDOW_MS + BUCKET_MS)) + 1
      expect(retries).toBeLessThanOrEqual(requests * RETRY_SHARE + RETRY_FLOOR * windows + 1e-9)
    }),
    { numRuns: 500 },
  )
})
