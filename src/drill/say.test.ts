import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  sayBreaker,
  sayCost,
  sayMoment,
  sayMs,
  sayObjective,
  sayQuietTime,
  sayShare,
  sayWeather,
} from './say.ts'

describe('what is said of a share', () => {
  test.each([
    [undefined, '-'],
    [0, '0.0 %'],
    [0.05, '5.0 %'],
    [0.985, '98.5 %'],
    [0.999, '99.9 %'],
    [0.9996, '99.96 %'],
    [0.99999, '99.999 %'],
    [1, '100.0 %'],
  ])('%s: %s', (share, said) => {
    expect(sayShare(share)).toBe(said)
  })

  test('is never all where it was not all', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (failures) => {
        expect(Number.parseFloat(sayShare(1 - failures / 1_000_000))).toBeLessThan(100)
      }),
    )
  })
})

test.each([
  [undefined, '-'],
  [0, '0 ms'],
  [999.4, '999 ms'],
  [999.6, '1.00 s'],
  [2_345, '2.35 s'],
  [21_000, '21.0 s'],
  [600_000, '10 min'],
  [86_400_000, '24 h'],
  [9_000_000, '2.5 h'],
])('%s ms is said as %s', (ms, said) => {
  expect(sayMs(ms)).toBe(said)
})

test('moments are those of a clock', () => {
  expect([0, 36_059_999, 86_399_999, 90_000_000].map(sayMoment)).toEqual(['00:00', '10:00', '23:59', '25:00'])
})

test('cost is said in tenths of a cent, or in calls', () => {
  const money = { basis: 'money', total: 8_978_912_345, waste: 64_400_000, extraShare: 0.00717 } as const
  expect(sayCost(money)).toBe('0.7 % (0.064 of 8.979 USD)')
  expect(sayCost({ basis: 'calls', total: 20, waste: 3, extraShare: 0.15 })).toBe('15.0 % (3 of 20 calls)')
})

test('objectives say their limit and which way it is', () => {
  const one = { limit: 0.999, measured: 0.985, isMet: false, isStated: true } as const
  expect(sayObjective({ ...one, objective: 'answeredShare' })).toBe('answered 98.5 % (at least 99.9 %)')
  expect(sayObjective({ ...one, objective: 'firstTokenP99Ms', limit: 5_000, measured: 7_000 })).toBe(
    'first token p99 7.00 s (at most 5.00 s)',
  )
})

test('weather says when, what, how often and where', () => {
  const event = { atMs: 36_000_000, forMs: 600_000, fault: 'outage', share: 1 } as const
  expect(sayWeather({ ...event, where: { kind: 'provider', provider: 'openai' } })).toBe(
    '10:00, 10 min: outage for all of the calls to provider openai',
  )
  expect(
    sayWeather({
      ...event,
      where: { kind: 'everywhere' },
      fault: 'rate-limit',
      share: 0.6,
      retryAfterMs: 20_000,
    }),
  ).toBe('10:00, 10 min: rate-limit (20.0 s) for 60.0 % of the calls to all providers')
})

test('quiet times say how long, in which states, and what they began with', () => {
  const time = {
    fromMs: 36_000_000,
    untilMs: 36_600_000,
    states: ['open'],
    probes: 14,
    cause: 'upstream_reset',
  }
  expect(sayQuietTime(time)).toBe('10:00 to 10:10 open, 14 probes, began with upstream_reset')
  expect(sayQuietTime({ ...time, untilMs: 36_005_000, probes: 1 })).toContain(
    '10:00 for 5.00 s open, 1 probe,',
  )
})

test('a breaker is named by its key only where there are several', () => {
  const a = { target: 'openai/gpt-5', key: 1, spans: [] }
  expect(sayBreaker(a, { breakers: [a] })).toBe('openai/gpt-5')
  expect(sayBreaker(a, { breakers: [a, { ...a, key: 2 }] })).toBe('openai/gpt-5, key 1')
})
