import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { healthKeyOf } from './health-keys.test-support.ts'
import { PROBE_LOOK_MS } from './held-states.ts'
import { PROBE_MS } from './probe.ts'
import { AUTH_DEAD_MS, EXHAUSTED_MS } from './rate-states.ts'
import { createTargetHealth, HEALTH_CELLS_MAX, LIMITED_DEFAULT_MS, LIMITED_MAX_MS } from './target-health.ts'

const key = healthKeyOf('t:openai/gpt', 'c:openai:1')
const sibling = healthKeyOf('t:openai/other', 'c:openai:1')
const quota = new GatewayError('insufficient_quota', 'spent')
const limited = (retryAfterMs: number) => new GatewayError('rate_limited', 'slow down', { retryAfterMs })

test('a target nobody complained of is available', () => {
  expect(createTargetHealth().verdict(key, 0)).toEqual({ type: 'available' })
})

test('a 429 sets aside that target alone, until its wait is over', () => {
  const health = createTargetHealth()
  health.recordFailure(key, limited(2_000), 100)
  expect(health.verdict(key, 2_099)).toMatchObject({ type: 'limited', untilMs: 2_100 })
  expect(health.verdict(sibling, 2_099)).toEqual({ type: 'available' })
  expect(health.verdict(key, 2_100)).toEqual({ type: 'available' })
})

test('fault 23: a spent credential is left alone for 30 minutes, for every model it serves', () => {
  const health = createTargetHealth()
  health.recordFailure(key, quota, 0)
  expect(health.verdict(sibling, 1_799_999)).toMatchObject({ type: 'exhausted', error: quota })
  expect(health.verdict(sibling, 1_800_000)).toEqual({ type: 'available' })
})

test('fault 25: a refused credential is not offered again until it is replaced', () => {
  const health = createTargetHealth()
  health.recordFailure(key, new GatewayError('upstream_auth', 'no'), 0)
  expect(health.verdict(key, 1_000)).toMatchObject({ type: 'auth-dead' })
  expect(health.verdict(key, AUTH_DEAD_MS - 1)).toMatchObject({ type: 'auth-dead' })
  expect(health.verdict(healthKeyOf('t:openai/gpt:2', 'c:openai:2'), 1_000)).toEqual({ type: 'available' })
})

test('a later, shorter event never shortens a state', () => {
  const health = createTargetHealth()
  health.recordFailure(key, limited(50_000), 0)
  health.recordFailure(key, limited(10), 1)
  expect(health.verdict(key, 49_999)).toMatchObject({ type: 'limited' })
})

test('no provider can set a target aside for longer than the bound', () => {
  const health = createTargetHealth()
  health.recordFailure(key, limited(80_000_000), 0)
  expect(health.verdict(key, LIMITED_MAX_MS)).toEqual({ type: 'available' })
})

test('a success lifts a limit', () => {
  const health = createTargetHealth()
  health.recordFailure(key, limited(50_000), 0)
  health.recordSuccess(key, 1, 1)
  expect(health.verdict(key, 1)).toEqual({ type: 'available' })
})

test('I8: an answer that began before a 429 does not end its window', () => {
  const health = createTargetHealth()
  health.recordFailure(key, limited(50_000), 10)
  health.recordSuccess(key, 9, 11)
  expect(health.verdict(key, 11)).toMatchObject({ type: 'limited' })
})

test('only the beginning of a state is news', () => {
  const health = createTargetHealth()
  expect(health.recordFailure(key, quota, 0)).toBe(true)
  expect(health.recordFailure(key, quota, 1)).toBe(false)
  const missing = new GatewayError('upstream_model_not_found', 'no such model')
  expect(health.recordFailure(key, missing, 0)).toBe(true)
  expect(health.recordFailure(key, missing, 1)).toBe(false)
  expect(health.verdict(healthKeyOf(key.target, 'c'), 1)).toEqual({ type: 'available' })
})

test('failures that are no rate state leave no mark', () => {
  const health = createTargetHealth()
  health.recordFailure(key, new GatewayError('context_length_exceeded', 'long'), 0)
  health.recordFailure(key, new GatewayError('upstream_error', '500'), 0)
  expect(health.verdict(key, 1)).toEqual({ type: 'available' })
})

test('the memory is bounded, whatever model names clients invent', () => {
  const health = createTargetHealth()
  for (let index = 0; index <= HEALTH_CELLS_MAX; index += 1) {
    health.recordFailure(healthKeyOf(`t:${index}`, 'c'), limited(90_000), 0)
  }
  expect(health.verdict(healthKeyOf('t:0', 'c'), 1)).toEqual({ type: 'available' })
  expect(health.verdict(healthKeyOf(`t:${HEALTH_CELLS_MAX}`, 'c'), 1)).toMatchObject({
    type: 'limited',
  })
})

test('a change by the operator forgives a credential, and no rate limit', () => {
  const health = createTargetHealth()
  health.recordFailure(key, quota, 0)
  health.recordFailure(sibling, limited(2_000), 0)
  health.forgive(1)
  expect(health.verdict(key, 1)).toEqual({ type: 'available' })
  expect(health.verdict(sibling, 1)).toMatchObject({ type: 'limited' })
})

test('fault 24: after a daily quota one request finds out whether it has come back, and the others wait for it', () => {
  const health = createTargetHealth()
  const daily = new GatewayError('model_quota_exhausted', 'spent for today')
  health.recordFailure(key, daily, 0)
  const over = LIMITED_DEFAULT_MS
  expect(health.verdict(key, over)).toEqual({ type: 'available' })
  health.beginCall(key, over)
  expect(health.verdict(key, over)).toMatchObject({
    type: 'limited',
    untilMs: over + PROBE_LOOK_MS,
    error: daily,
  })
  health.recordFailure(key, daily, over + 5)
  expect(health.verdict(key, over + 6)).toMatchObject({
    type: 'limited',
    untilMs: over + 5 + LIMITED_DEFAULT_MS,
  })
  const again = over + 5 + LIMITED_DEFAULT_MS
  health.beginCall(key, again)
  health.recordSuccess(key, again, again)
  expect(health.verdict(key, again)).toEqual({ type: 'available' })
})

test('fault 24: a request that finds nothing out hands its turn on, and one that is lost does so in time', () => {
  const health = createTargetHealth()
  health.recordFailure(key, quota, 0)
  health.beginCall(key, EXHAUSTED_MS)
  expect(health.verdict(sibling, EXHAUSTED_MS)).toMatchObject({ type: 'limited' })
  health.recordFailure(key, new GatewayError('upstream_reset', 'broken'), EXHAUSTED_MS + 1)
  expect(health.verdict(sibling, EXHAUSTED_MS + 1)).toEqual({ type: 'available' })
  health.beginCall(sibling, EXHAUSTED_MS + 1)
  expect(health.verdict(key, EXHAUSTED_MS + PROBE_MS)).toMatchObject({ type: 'limited' })
  expect(health.verdict(key, EXHAUSTED_MS + 1 + PROBE_MS)).toEqual({ type: 'available' })
})

test('fault 24: a rate limit that is over is over for all', () => {
  const health = createTargetHealth()
  health.recordFailure(key, limited(50), 0)
  health.beginCall(key, 50)
  expect(health.verdict(key, 50)).toEqual({ type: 'available' })
})

test('fault 23: that a quota is still spent when it is looked at again is news again', () => {
  const health = createTargetHealth()
  expect(health.recordFailure(key, quota, 0)).toBe(true)
  expect(health.recordFailure(key, quota, 1)).toBe(false)
  expect(health.recordFailure(key, quota, EXHAUSTED_MS + 1)).toBe(true)
})

test('fault 24: a request that began before the probe does not end it', () => {
  const health = createTargetHealth()
  health.recordFailure(key, quota, 100)
  const over = 100 + EXHAUSTED_MS
  health.beginCall(key, over)
  health.recordFailure(sibling, new GatewayError('upstream_timeout', 'slow'), over + 1, 50)
  health.recordCancelled(sibling, over + 2, 50)
  health.recordSuccess(sibling, 50, over + 3)
  expect(health.verdict(key, over + 4)).toMatchObject({ type: 'limited' })
  health.recordCancelled(key, over + 5, over)
  expect(health.verdict(key, over + 6)).toEqual({ type: 'available' })
})

test('a longer wait of the target counts, although its credential has a shorter one', () => {
  const health = createTargetHealth()
  health.recordFailure(key, quota, 0)
  health.recordFailure(key, limited(300_000), EXHAUSTED_MS - 1_000)
  expect(health.verdict(key, EXHAUSTED_MS - 500)).toMatchObject({
    type: 'limited',
    untilMs: EXHAUSTED_MS + 299_000,
  })
})
