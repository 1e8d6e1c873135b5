import { describe, expect, test } from 'vitest'
import { CircuitBreaker } from './circuit-breaker.ts'
import type { FailureOrigin } from './cooldown.ts'
import { PROBE_MS } from './probe.ts'

/** No jitter: half way between the shortest and the longest. */
const middle = { next: () => 0.5 }

function createBreaker() {
  const breaker = new CircuitBreaker(middle)
  const fail = (
    nowMs: number,
    over: { weight?: number; origin?: FailureOrigin; startedAtMs?: number } = {},
  ) => breaker.fail({ weight: 1, origin: 'provider', startedAtMs: nowMs, nowMs, ...over })
  /** Opens at 0. */
  const open = (origin: FailureOrigin = 'provider') => {
    for (let count = 0; count < 3; count += 1) fail(0, { origin })
  }
  return { breaker, fail, open }
}

describe('a breaker opens', () => {
  test('with the third failure in a row, however far apart they are', () => {
    const { breaker, fail } = createBreaker()
    expect([fail(0), fail(100_000)]).toEqual([false, false])
    expect(breaker.state(100_000)).toBe('closed')
    expect(fail(200_000)).toBe(true)
    expect(breaker.state(200_000)).toBe('open')
  })

  test('not with the third that a success has come before', () => {
    const { breaker, fail } = createBreaker()
    for (const nowMs of [0, 100_000, 200_000, 300_000]) {
      fail(nowMs)
      fail(nowMs)
      breaker.succeed(nowMs, nowMs)
    }
    expect(breaker.state(300_000)).toBe('closed')
  })

  test('with half of five calls within 30 s', () => {
    const { breaker, fail } = createBreaker()
    for (const nowMs of [0, 1_000]) {
      breaker.succeed(nowMs, nowMs)
      fail(nowMs + 500)
    }
    expect(breaker.state(1_500)).toBe('closed')
    expect(fail(2_000)).toBe(true)
  })

  test('not where the older ones are more than 30 s ago', () => {
    const { breaker, fail } = createBreaker()
    for (const nowMs of [0, 1_000]) {
      fail(nowMs)
      breaker.succeed(nowMs, nowMs)
    }
    expect(fail(31_000)).toBe(false)
  })

  test('with failures that weigh half only when there are twice as many in a row, or five at once', () => {
    const far = createBreaker()
    const opened = [0, 1, 2, 3, 4, 5].map((at) => far.fail(at * 100_000, { weight: 0.5 }))
    expect(opened).toEqual([false, false, false, false, false, true])
    const near = createBreaker()
    expect([0, 1, 2, 3, 4].map((at) => near.fail(at, { weight: 0.5 }))).toEqual([
      false,
      false,
      false,
      false,
      true,
    ])
  })
})

describe('an open breaker', () => {
  test('lets nobody call until its cooldown is over, then one at a time', () => {
    const { breaker, open } = createBreaker()
    open()
    expect(breaker.isAvailable(4_999)).toBe(false)
    expect(breaker.isAvailable(5_000)).toBe(true)
    expect(breaker.state(5_000)).toBe('half-open')
    breaker.begin(5_000)
    expect(breaker.isAvailable(5_001)).toBe(false)
    expect(breaker.isProbed(5_001)).toBe(true)
  })

  test('closes with the success of the probe, and has forgotten what was before', () => {
    const { breaker, fail, open } = createBreaker()
    open()
    breaker.begin(5_000)
    expect(breaker.succeed(5_000, 6_000)).toBe(true)
    expect(breaker.state(6_000)).toBe('closed')
    expect([fail(6_001), fail(6_002), breaker.state(6_002)]).toEqual([false, false, 'closed'])
    expect(fail(6_003)).toBe(true)
    expect(breaker.openUntilMs).toBe(11_003)
  })

  test('waits longer after each probe that failed, whatever the failure weighs', () => {
    const { breaker, fail, open } = createBreaker()
    open()
    const waits: number[] = []
    for (let count = 0; count < 4; count += 1) {
      const nowMs = breaker.openUntilMs
      waits.push(nowMs - breaker.openedAtMs)
      breaker.begin(nowMs)
      expect(fail(nowMs, { weight: 0.5 })).toBe(true)
    }
    expect(waits).toEqual([5_000, 10_000, 15_000, 15_000])
  })

  test('waits up to two minutes where there is no way to the target', () => {
    const { breaker, fail, open } = createBreaker()
    open('local')
    const waits: number[] = []
    for (let count = 0; count < 7; count += 1) {
      const nowMs = breaker.openUntilMs
      waits.push(nowMs - breaker.openedAtMs)
      breaker.begin(nowMs)
      fail(nowMs, { origin: 'local' })
    }
    expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 80_000, 109_000, 109_000])
  })

  test('is neither closed nor opened again by what began before it opened', () => {
    const { breaker, fail, open } = createBreaker()
    open()
    expect(breaker.succeed(-1, 1_000)).toBe(false)
    expect(breaker.state(1_000)).toBe('open')
    breaker.begin(5_000)
    expect(breaker.succeed(-1, 5_001)).toBe(false)
    expect(fail(5_001, { startedAtMs: -1 })).toBe(false)
    breaker.release(-1)
    expect(breaker.isAvailable(5_002)).toBe(false)
    breaker.succeed(5_000, 5_003)
    for (let count = 0; count < 9; count += 1) fail(5_004, { startedAtMs: -1 })
    expect(breaker.state(5_004)).toBe('closed')
  })

  test('lets another one find out when the probe ends without a finding', () => {
    const { breaker, open } = createBreaker()
    open()
    breaker.begin(5_000)
    breaker.release(5_000)
    expect(breaker.isAvailable(5_001)).toBe(true)
    expect(breaker.state(5_001)).toBe('half-open')
  })

  test('is not locked by a probe that is lost', () => {
    const { breaker, open } = createBreaker()
    open()
    breaker.begin(5_000)
    expect(breaker.isAvailable(4_999 + PROBE_MS)).toBe(false)
    expect(breaker.isAvailable(5_000 + PROBE_MS)).toBe(true)
  })

  test('closes with a slow probe although a second one has begun meanwhile', () => {
    const { breaker, open } = createBreaker()
    open()
    breaker.begin(5_000)
    breaker.begin(5_000 + PROBE_MS)
    expect(breaker.succeed(5_000, 50_000)).toBe(true)
    expect(breaker.state(50_000)).toBe('closed')
  })

  test('waits for no probe of the window before, which says nothing of this one', () => {
    const { breaker, fail, open } = createBreaker()
    open()
    breaker.begin(5_000)
    const second = 5_000 + PROBE_MS
    breaker.begin(second)
    expect(fail(second + 1, { startedAtMs: 5_000 })).toBe(true)
    const over = breaker.openUntilMs
    expect(over).toBeLessThan(second + PROBE_MS)
    expect([breaker.isProbed(over), breaker.isAvailable(over)]).toEqual([false, true])
  })

  test('may be called once in panic in each window; a failure changes nothing of it, a success ends it', () => {
    const { breaker, fail, open } = createBreaker()
    expect(breaker.mayPanic(0)).toBe(false)
    open()
    expect(breaker.mayPanic(1_000)).toBe(true)
    breaker.begin(1_000)
    expect(breaker.mayPanic(1_001)).toBe(false)
    expect(fail(2_000, { startedAtMs: 1_000 })).toBe(false)
    expect([breaker.openUntilMs, breaker.mayPanic(2_001)]).toEqual([5_000, false])
    breaker.begin(5_000)
    fail(5_000)
    expect(breaker.mayPanic(5_001)).toBe(true)
    breaker.begin(6_000)
    expect(breaker.succeed(6_000, 7_000)).toBe(true)
    expect(breaker.state(7_000)).toBe('closed')
  })

  test('that was called in panic has no second call until that one has ended', () => {
    const { breaker, open } = createBreaker()
    open()
    breaker.begin(4_900)
    expect(breaker.isAvailable(5_000)).toBe(false)
    breaker.release(4_900)
    expect(breaker.isAvailable(5_000)).toBe(true)
  })
})
