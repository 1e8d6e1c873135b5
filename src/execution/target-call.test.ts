import { describe, expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { healthKey } from '../routing/planner.ts'
import { ManualClock, wallTarget } from '../upstream/wall.ts'
import { freshDeps } from './deps.test-support.ts'
import { TargetCall } from './target-call.ts'

const target = wallTarget('http://127.0.0.1:1')
const key = healthKey(target)

function createCall({ isStreamed = true } = {}) {
  const clock = new ManualClock()
  const memory = freshDeps(clock)
  const released: string[] = []
  const slot = { release: (outcome: string, nowMs: number) => released.push(`${outcome} at ${nowMs}`) }
  const begin = () => {
    memory.health.beginCall(key, clock.nowMs())
    return new TargetCall(memory, { target, slot, promptBucket: 1, isStreamed })
  }
  return { ...memory, clock, released, begin }
}

test('a call is in flight from its beginning to its end', () => {
  const { begin, firstTokenTimes } = createCall()
  const [one, other] = [begin(), begin()]
  expect(firstTokenTimes.inFlight(key.target)).toBe(2)
  one.end('completed', undefined)
  other.end('cancelled', undefined)
  expect(firstTokenTimes.inFlight(key.target)).toBe(0)
})

test('a whole answer is a success of its target, from the time it began', () => {
  const { begin, clock, released, health } = createCall()
  const call = begin()
  clock.advance(500)
  expect(call.end('completed', undefined)).toBe(false)
  expect(released).toEqual(['ok at 1500'])
  expect(health.isProven(key, clock.nowMs())).toBe(true)
})

describe('a failure', () => {
  test('is remembered of the target, and is news where a state begins with it', () => {
    const { begin, clock, released, health } = createCall()
    const quota = new GatewayError('insufficient_quota', 'spent')
    expect(begin().end('failed', quota)).toBe(true)
    expect(begin().end('failed', quota)).toBe(false)
    expect(health.verdict(key, clock.nowMs())).toMatchObject({ type: 'exhausted' })
    expect(released).toEqual(['other at 1000', 'other at 1000'])
  })

  test.each(['rate_limited', 'upstream_overloaded'] as const)(
    '%s asks for less, and earns no traffic',
    (code) => {
      const { begin, clock, released, firstTokenTimes } = createCall()
      const call = begin()
      call.content(10)
      const before = firstTokenTimes.peakEwmaMs(key.target, clock.nowMs()) ?? Number.NaN
      call.end('failed', new GatewayError(code, 'slower'))
      expect(released).toEqual(['refused at 1000'])
      expect(firstTokenTimes.peakEwmaMs(key.target, clock.nowMs())).toBeGreaterThan(before)
    },
  )

  test('of a target that was well opens its breaker only when there were too many', () => {
    const { begin, clock, health } = createCall()
    const broken = new GatewayError('upstream_error', '500')
    const news = [1, 2, 3].map(() => begin().end('failed', broken))
    expect(news).toEqual([false, false, true])
    expect(health.verdict(key, clock.nowMs())).toMatchObject({ type: 'open' })
  })

  test('of a call that began before its target was found ill tells nothing new', () => {
    const { begin, clock, health } = createCall()
    const broken = new GatewayError('upstream_error', '500')
    const late = begin()
    clock.advance(100)
    for (let count = 0; count < 3; count += 1) begin().end('failed', broken)
    clock.advance(5_500)
    const probe = begin()
    expect(late.end('failed', broken)).toBe(false)
    expect(health.verdict(key, clock.nowMs())).toMatchObject({ type: 'open' })
    probe.end('completed', undefined)
    expect(health.verdict(key, clock.nowMs())).toEqual({ type: 'available' })
  })
})

test('a call that was given up says nothing of its target, and hands its turn on', () => {
  const { begin, clock, released, health } = createCall()
  for (let count = 0; count < 3; count += 1) begin().end('failed', new GatewayError('upstream_error', '500'))
  clock.advance(5_500)
  const probe = begin()
  expect(health.verdict(key, clock.nowMs())).toMatchObject({ type: 'open' })
  probe.end('cancelled', undefined)
  expect(health.verdict(key, clock.nowMs())).toEqual({ type: 'available' })
  expect(released.at(-1)).toBe('other at 6500')
})

test('the time to the first content is remembered of streams alone', () => {
  const streamed = createCall()
  streamed.begin().content(120)
  expect(streamed.firstTokenTimes.peakEwmaMs(key.target, streamed.clock.nowMs())).toBe(120)
  const plain = createCall({ isStreamed: false })
  plain.begin().content(120)
  expect(plain.firstTokenTimes.peakEwmaMs(key.target, plain.clock.nowMs())).toBeUndefined()
})
