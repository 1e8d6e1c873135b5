import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { createGuessLimiter, sourceOf } from './guess-limiter.ts'

const REFUSAL = new GatewayError('unauthenticated', 'The client key is none of this gateway.')

describe('SEC-18: failures from one address', () => {
  test('are told as they are twenty times, then one in a second; the others only to wait', () => {
    const clock = new ManualClock()
    const limiter = createGuessLimiter(clock)
    const fail = () => limiter.judge(REFUSAL, '192.0.2.1')
    for (let count = 0; count < 20; count += 1) expect(fail()).toBe(REFUSAL)
    const limited = fail()
    expect([limited.code, limited.status, limited.isClientRetryable]).toEqual([
      'too_many_failures',
      429,
      true,
    ])
    expect(limited.facts.retryAfterMs).toBe(1_000)
    expect(limiter.isLimited('192.0.2.1')).toBe(true)
    clock.advance(400)
    expect(fail().facts.retryAfterMs).toBe(600)
    clock.advance(600)
    expect(limiter.isLimited('192.0.2.1')).toBe(false)
    expect(fail()).toBe(REFUSAL)
    expect(fail().code).toBe('too_many_failures')
  })

  test('are nobody else’s', () => {
    const limiter = createGuessLimiter(new ManualClock())
    for (let count = 0; count < 30; count += 1) limiter.judge(REFUSAL, '192.0.2.1')
    expect(limiter.judge(REFUSAL, '192.0.2.2')).toBe(REFUSAL)
    expect(limiter.isLimited('192.0.2.3')).toBe(false)
  })

  test('do not count where the failure is not of the key', () => {
    const limiter = createGuessLimiter(new ManualClock(), { burst: 1 })
    const away = new GatewayError('keys_unavailable', 'The store does not answer.')
    for (let count = 0; count < 5; count += 1) expect(limiter.judge(away, '192.0.2.1')).toBe(away)
    expect(limiter.sources).toBe(0)
  })

  test('never pass the rate over any length of time', () => {
    const step = fc.record({ ms: fc.integer({ min: 0, max: 3_000 }), tries: fc.integer({ min: 0, max: 30 }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const clock = new ManualClock()
        const limiter = createGuessLimiter(clock, { burst: 5, perSecond: 2 })
        let told = 0
        for (const { ms, tries } of steps) {
          clock.advance(ms)
          for (let count = 0; count < tries; count += 1) {
            if (limiter.judge(REFUSAL, '::1').code === 'unauthenticated') told += 1
          }
          expect(told).toBeLessThanOrEqual(5 + (clock.nowMs() / 1_000) * 2 + 1e-6)
        }
      }),
    )
  })
})

test('SEC-18: a million addresses take as much memory as ten thousand', () => {
  setFlagsFromString('--expose-gc')
  // Sound: the flag puts the function there.
  const collect = runInNewContext('gc') as () => void
  const heap = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const clock = new ManualClock()
  const limiter = createGuessLimiter(clock)
  const failFrom = (first: number, end: number) => {
    for (let at = first; at < end; at += 1)
      limiter.judge(REFUSAL, `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`)
  }
  failFrom(0, 20_000)
  const before = heap()
  failFrom(20_000, 1_000_000)
  expect(limiter.sources).toBeLessThanOrEqual(10_000)
  expect(limiter.sources).toBeGreaterThan(4_999)
  expect(heap() - before).toBeLessThan(1_000_000)
})

test('the address that failed last is forgotten last', () => {
  const limiter = createGuessLimiter(new ManualClock(), { burst: 1, sourcesMax: 2 })
  limiter.judge(REFUSAL, 'a')
  limiter.judge(REFUSAL, 'b')
  limiter.judge(REFUSAL, 'a')
  limiter.judge(REFUSAL, 'c')
  expect([limiter.isLimited('a'), limiter.isLimited('b'), limiter.isLimited('c')]).toEqual([
    true,
    false,
    true,
  ])
})

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['1::', '1:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
  ['no address', 'no address'],
  ['x'.repeat(500), 'x'.repeat(64)],
  [undefined, ''],
])('the source of %j is %j', (address, source) => {
  expect(sourceOf(address)).toBe(source)
})
