import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../errors/codes.ts'
import { type ErrorFacts, GatewayError } from '../errors/gateway-error.ts'
import { PROVEN_MS } from './health-cell.ts'
import { healthKeyOf } from './health-keys.test-support.ts'
import { PROBE_LOOK_MS } from './held-states.ts'
import { createTargetHealth, HEALTH_CELLS_MAX, type HealthKey } from './target-health.ts'

const a = healthKeyOf('a')
const b = healthKeyOf('b')
const c = healthKeyOf('c')

/** Cooldowns without chance. */
function createWorld() {
  const health = createTargetHealth({ random: { next: () => 0.5 } })
  const fail = (key: HealthKey, nowMs: number, code: ErrorCode = 'upstream_error', facts: ErrorFacts = {}) =>
    health.recordFailure(key, new GatewayError(code, 'no', facts), nowMs)
  const open = (key: HealthKey, nowMs: number, code?: ErrorCode) =>
    [1, 2, 3].map(() => fail(key, nowMs, code)).at(-1)
  return { health, fail, open, type: (key: HealthKey, nowMs: number) => health.verdict(key, nowMs).type }
}

describe('the breaker of a target', () => {
  test('opens after three failures, says why and until when, and opens no other', () => {
    const { health, open } = createWorld()
    expect(open(a, 1_000)).toBe(true)
    expect(health.verdict(a, 1_001)).toMatchObject({
      type: 'open',
      untilMs: 6_000,
      error: { code: 'upstream_error' },
    })
    expect(health.verdict(b, 1_001)).toEqual({ type: 'available' })
  })

  test('lets one find out, and tells the others to look again soon', () => {
    const { health, open } = createWorld()
    open(a, 0)
    expect(health.verdict(a, 5_000)).toEqual({ type: 'available' })
    health.beginCall(a, 5_000)
    expect(health.verdict(a, 5_100)).toMatchObject({ type: 'open', untilMs: 5_100 + PROBE_LOOK_MS })
    health.recordSuccess(a, 5_000, 5_200)
    expect(health.verdict(a, 5_200)).toEqual({ type: 'available' })
  })

  test('opens again with a failing probe, which is no news', () => {
    const { health, fail, open } = createWorld()
    open(a, 0)
    health.beginCall(a, 5_000)
    expect(fail(a, 5_500)).toBe(false)
    expect(health.verdict(a, 5_501)).toMatchObject({ type: 'open', untilMs: 15_500 })
  })

  test.each<ErrorCode>([
    'rate_limited',
    'upstream_invalid_request',
    'content_policy',
    'upstream_model_not_found',
  ])('is never opened by %s', (code) => {
    const { fail, type, health } = createWorld()
    for (let count = 0; count < 20; count += 1) fail(a, count, code)
    expect(type(a, 600_000)).toBe('available')
    expect(health.cells(600_000).every(({ consecutiveFailures }) => consecutiveFailures === 0)).toBe(true)
  })

  test('is not told of connections that had idled too long (fault 12)', () => {
    const { fail, type } = createWorld()
    for (let count = 0; count < 9; count += 1) fail(a, count, 'upstream_reset', { isTransparent: true })
    expect(type(a, 9)).toBe('available')
  })

  test('can be switched off by the operator, also while it is open', () => {
    const { health, open, type } = createWorld()
    const never: HealthKey = { ...a, hasBreaker: false }
    expect(open(never, 0)).toBe(false)
    expect(type(never, 1)).toBe('available')
    expect(health.cells(1)).toMatchObject([{ state: 'closed', consecutiveFailures: 3 }])
    open(b, 0)
    expect(health.verdict({ ...b, hasBreaker: false }, 1)).toEqual({ type: 'available' })
  })

  test('hands the probe on where it ran into a limit, and stays half-open', () => {
    const { health, fail, open, type } = createWorld()
    open(a, 0)
    health.beginCall(a, 5_000)
    fail(a, 5_100, 'rate_limited', { retryAfterMs: 2_000 })
    expect(health.verdict(a, 5_200)).toMatchObject({ type: 'limited', untilMs: 7_100 })
    expect(type(a, 7_100)).toBe('available')
    health.beginCall(a, 7_100)
    expect(type(a, 7_101)).toBe('open')
  })
})

describe('in panic', () => {
  test('the least bad of all is tried once, then the next, then none', () => {
    const { health, fail, open } = createWorld()
    open(a, 0)
    health.beginCall(a, 5_000)
    fail(a, 5_000)
    open(b, 5_001)
    const keys = [a, b]
    expect(health.leastBad(keys, 6_000)).toBe(1)
    health.beginCall(b, 6_000)
    expect(health.leastBad(keys, 6_001)).toBe(0)
    health.beginCall(a, 6_001)
    expect(health.leastBad(keys, 6_002)).toBeUndefined()
  })

  test('nobody is tried who asked to be left alone, or whose credential is spent or refused', () => {
    const { health, fail, open } = createWorld()
    for (const key of [a, b, c]) open(key, 0)
    fail(a, 1, 'rate_limited', { retryAfterMs: 3_000 })
    fail(b, 1, 'insufficient_quota')
    fail(c, 1, 'upstream_auth')
    expect(health.leastBad([a, b, c], 2)).toBeUndefined()
    expect(health.leastBad([a, b, c], 3_001)).toBe(0)
  })

  test('nobody is tried who was never ill: there is none', () => {
    const { health } = createWorld()
    expect(health.leastBad([a, b], 0)).toBeUndefined()
    expect(health.leastBad([], 0)).toBeUndefined()
  })
})

describe('the earliest moment', () => {
  test('is the end of the window that ends first, or now', () => {
    const { health, fail, open } = createWorld()
    open(a, 0)
    fail(b, 0, 'rate_limited', { retryAfterMs: 7_000 })
    expect(health.earliestMs([a, b], 1_000)).toBe(5_000)
    expect(health.earliestMs([b], 1_000)).toBe(7_000)
    expect(health.earliestMs([a, b, c], 1_000)).toBe(1_000)
    expect(health.earliestMs([], 1_000)).toBeUndefined()
  })

  test('counts of one target what lasts longer', () => {
    const { health, fail, open } = createWorld()
    fail(a, 0, 'rate_limited', { retryAfterMs: 2_000 })
    open(a, 0)
    expect(health.earliestMs([a], 1)).toBe(5_000)
  })
})

describe('a target is proven', () => {
  test('by a success, for a minute', () => {
    const { health } = createWorld()
    expect(health.isProven(a, 0)).toBe(false)
    health.recordSuccess(a, 0, 10)
    expect(health.isProven(a, 9 + PROVEN_MS)).toBe(true)
    expect(health.isProven(a, 10 + PROVEN_MS)).toBe(false)
  })

  test.each<ErrorCode>(['upstream_error', 'upstream_overloaded', 'rate_limited', 'upstream_model_not_found'])(
    'no longer after %s, also when its wait is over',
    (code) => {
      const { health, fail } = createWorld()
      health.recordSuccess(a, 0, 10)
      fail(a, 20, code)
      expect(health.isProven(a, 5_000)).toBe(false)
      health.recordSuccess(a, 5_000, 5_010)
      expect(health.isProven(a, 5_011)).toBe(true)
    },
  )

  test('still, after a request that was itself at fault or was left', () => {
    const { health, fail } = createWorld()
    health.recordSuccess(a, 0, 10)
    fail(a, 20, 'upstream_invalid_request')
    health.recordCancelled(a, 30)
    expect(health.isProven(a, 40)).toBe(true)
  })

  test('not while its credential is spent, whoever found that out', () => {
    const { health, fail } = createWorld()
    const other = healthKeyOf('other', a.credential)
    health.recordSuccess(a, 0, 10)
    fail(other, 20, 'insufficient_quota')
    expect(health.isProven(a, 30)).toBe(false)
  })
})

describe('a target is suspect', () => {
  test.each<ErrorCode>(['upstream_error', 'upstream_overloaded', 'upstream_model_not_found'])(
    'from %s until it answers well',
    (code) => {
      const { health, fail } = createWorld()
      expect(health.isSuspect(a)).toBe(false)
      fail(a, 0, code)
      expect([health.isSuspect(a), health.isSuspect(b)]).toEqual([true, false])
      health.recordSuccess(a, 10, 20)
      expect(health.isSuspect(a)).toBe(false)
    },
  )

  test('not after a request that was itself at fault or was left', () => {
    const { health, fail } = createWorld()
    fail(a, 0, 'upstream_invalid_request')
    health.recordCancelled(a, 1)
    expect(health.isSuspect(a)).toBe(false)
  })
})

describe('the memory of breakers', () => {
  test('is bounded, and forgets the idle before the ill, although the ill are older', () => {
    const { health, fail, open, type } = createWorld()
    open(a, 0, 'upstream_unreachable')
    for (let count = 1; count < HEALTH_CELLS_MAX; count += 1)
      health.recordSuccess(healthKeyOf(`t${count}`), 0, 0)
    for (const nowMs of [5_000, 15_000]) {
      health.beginCall(a, nowMs)
      fail(a, nowMs, 'upstream_unreachable')
    }
    health.recordSuccess(b, 31_000, 31_000)
    const labels = health.cells(31_000).map(({ label }) => label)
    expect(labels.length).toBe(HEALTH_CELLS_MAX)
    expect(labels).toContain('b')
    expect(labels).not.toContain('t1')
    expect(type(a, 31_000)).toBe('open')
  })

  test('is bounded where all are ill', () => {
    const { health, open, type } = createWorld()
    for (let count = 0; count <= HEALTH_CELLS_MAX; count += 1) open(healthKeyOf(`t${count}`), 0)
    expect(health.cells(1).length).toBe(HEALTH_CELLS_MAX)
    expect(type(healthKeyOf(`t${HEALTH_CELLS_MAX}`), 1)).toBe('open')
  })

  test('keeps nothing of requests that were themselves at fault', () => {
    const { health, fail } = createWorld()
    fail(a, 0, 'upstream_invalid_request')
    health.beginCall(b, 0)
    health.recordCancelled(b, 1)
    expect(health.cells(1)).toEqual([])
  })
})
