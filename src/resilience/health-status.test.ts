import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../errors/codes.ts'
import { type ErrorFacts, GatewayError } from '../errors/gateway-error.ts'
import { healthKeyOf } from './health-keys.test-support.ts'
import { EXHAUSTED_MS } from './rate-states.ts'
import { createTargetHealth, type HealthKey, type HealthTransition } from './target-health.ts'

const a = healthKeyOf('openai/a', 'c:1')
const b = healthKeyOf('openai/b', 'c:1')

function createWorld() {
  const told: HealthTransition[] = []
  const onTransition = (transition: HealthTransition) => told.push(transition)
  const health = createTargetHealth({ random: { next: () => 0.5 }, onTransition })
  const fail = (key: HealthKey, nowMs: number, code: ErrorCode = 'upstream_error', facts: ErrorFacts = {}) =>
    health.recordFailure(key, new GatewayError(code, 'It said no.', facts), nowMs)
  const open = (key: HealthKey, nowMs: number) => [1, 2, 3].map(() => fail(key, nowMs))
  /** As `from to cause nowMs untilMs`. */
  const story = () =>
    told.map(({ from, to, cause, nowMs, untilMs }) => [from, to, cause, nowMs, untilMs ?? '-'].join(' '))
  return { health, told, fail, open, story }
}

describe('what is published', () => {
  test('is nothing where all is well', () => {
    const { health, fail, told } = createWorld()
    for (let nowMs = 0; nowMs < 100; nowMs += 10) {
      health.beginCall(a, nowMs)
      if (nowMs === 50) fail(a, nowMs + 5)
      else health.recordSuccess(a, nowMs, nowMs + 5)
    }
    expect(told).toEqual([])
  })

  test('is the course of a breaker, each change with its cause', () => {
    const { health, fail, open, story, told } = createWorld()
    open(a, 1_000)
    health.beginCall(a, 6_500)
    fail(a, 7_000, 'upstream_timeout')
    health.beginCall(a, 17_000)
    health.recordSuccess(a, 17_000, 18_000)
    expect(story()).toEqual([
      'closed open upstream_error 1000 6000',
      'open half-open cooldown_over 6500 -',
      'half-open open upstream_timeout 7000 17000',
      'open half-open cooldown_over 17000 -',
      'half-open closed probe_succeeded 18000 -',
    ])
    expect(told[0]).toMatchObject({ label: 'openai/a', fingerprint: 'c:1' })
  })

  test('is a limit and that it is over, told at the next call', () => {
    const { health, fail, story } = createWorld()
    fail(a, 0, 'rate_limited', { retryAfterMs: 2_000 })
    fail(a, 100, 'rate_limited', { retryAfterMs: 3_000 })
    health.beginCall(a, 9_000)
    expect(story()).toEqual(['closed limited rate_limited 0 2000', 'limited closed cooldown_over 9000 -'])
  })

  test('is a limit that a success has lifted', () => {
    const { health, fail, story } = createWorld()
    fail(a, 0, 'rate_limited', { retryAfterMs: 9_000 })
    health.recordSuccess(a, 1, 500)
    expect(story().at(-1)).toBe('limited closed call_succeeded 500 -')
  })

  test('is that a credential is spent, of each target that comes to know it, and that it is not', () => {
    const { health, fail, story } = createWorld()
    health.recordSuccess(b, 0, 0)
    fail(a, 10, 'insufficient_quota')
    health.recordSuccess(b, 0, 20)
    const overMs = 10 + EXHAUSTED_MS
    health.beginCall(b, overMs)
    health.recordSuccess(b, overMs, overMs + 5)
    expect(story()).toEqual([
      `closed exhausted insufficient_quota 10 ${overMs}`,
      `closed exhausted insufficient_quota 20 ${overMs}`,
      `exhausted half-open cooldown_over ${overMs} -`,
      `half-open closed probe_succeeded ${overMs + 5} -`,
    ])
  })

  test('is that the operator has forgiven a credential', () => {
    const { health, fail, story } = createWorld()
    fail(a, 0, 'upstream_auth')
    health.forgive(50)
    expect(story().at(-1)).toBe('auth-dead closed forgiven 50 -')
  })

  test('is what lasts longer, where a target is both ill and limited', () => {
    const { health, fail, open, story } = createWorld()
    fail(a, 0, 'rate_limited', { retryAfterMs: 2_000 })
    open(a, 10)
    fail(a, 20, 'rate_limited', { retryAfterMs: 8_000 })
    health.beginCall(a, 8_020)
    expect(story()).toEqual([
      'closed limited rate_limited 0 2000',
      'limited open upstream_error 10 5010',
      'open limited rate_limited 20 8020',
      'limited half-open cooldown_over 8020 -',
    ])
  })
})

describe('the cells', () => {
  test('are those of every target that was called, with the counts of their windows', () => {
    const { health, fail } = createWorld()
    health.recordSuccess(a, 0, 10)
    fail(a, 20, 'upstream_overloaded')
    expect(health.cells(30)).toEqual([
      {
        label: 'openai/a',
        fingerprint: 'c:1',
        state: 'closed',
        sinceMs: 10,
        cause: { code: 'upstream_overloaded', message: 'It said no.' },
        consecutiveFailures: 0.5,
        window: { calls: 2, failures: 0.5 },
        isProbed: false,
      },
    ])
  })

  test('say since when and until when a breaker is open, why, and that somebody is finding out', () => {
    const { health, open } = createWorld()
    open(a, 1_000)
    expect(health.cells(2_000)).toMatchObject([
      {
        state: 'open',
        sinceMs: 1_000,
        untilMs: 6_000,
        cause: { code: 'upstream_error' },
        consecutiveFailures: 3,
      },
    ])
    health.beginCall(a, 6_100)
    const [probed] = health.cells(6_200)
    expect(probed).toMatchObject({ state: 'half-open', sinceMs: 6_000, isProbed: true })
    expect(probed).not.toHaveProperty('untilMs')
    health.recordSuccess(a, 6_100, 6_300)
    expect(health.cells(6_400)).toEqual([
      {
        label: 'openai/a',
        fingerprint: 'c:1',
        state: 'closed',
        sinceMs: 6_300,
        consecutiveFailures: 0,
        window: { calls: 1, failures: 0 },
        isProbed: false,
      },
    ])
  })

  test('show a spent credential at each of its targets', () => {
    const { health, fail } = createWorld()
    health.recordSuccess(b, 0, 5)
    fail(a, 10, 'insufficient_quota')
    const shown = {
      state: 'exhausted',
      sinceMs: 10,
      untilMs: 10 + EXHAUSTED_MS,
      cause: { code: 'insufficient_quota' },
    }
    expect(health.cells(20)).toMatchObject([
      { label: 'openai/b', ...shown },
      { label: 'openai/a', ...shown },
    ])
    health.beginCall(a, 10 + EXHAUSTED_MS)
    expect(health.cells(10 + EXHAUSTED_MS)).toMatchObject([
      { label: 'openai/b', state: 'half-open', isProbed: true },
      { label: 'openai/a', state: 'half-open', isProbed: true },
    ])
  })
})
