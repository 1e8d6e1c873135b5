import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { knownProviders } from '../providers/index.ts'
import { type Scenario, WEATHER_FAULTS, type WeatherEvent } from './scenario.ts'
import { scenarioSchema, toScenario } from './scenario-schema.ts'
import { dayCurve, trafficFromScenario } from './traffic-from-scenario.ts'
import { weatherFromScenario } from './weather-from-scenario.ts'

const providers = [...knownProviders.values()]
const usual: Scenario = toScenario(scenarioSchema.parse({}))

function weatherOf(event: Partial<WeatherEvent>) {
  const weather = [
    {
      atMs: 1_000,
      forMs: 500,
      where: { kind: 'everywhere' } as const,
      fault: 'hang' as const,
      share: 1,
      ...event,
    },
  ]
  return weatherFromScenario({ weather, traffic: usual.traffic }, providers)
}

describe('the weather of a scenario', () => {
  test('lasts from its moment to its end', () => {
    expect(weatherOf({}).spells).toEqual([
      { fault: { type: 'hang' }, where: { kind: 'everywhere' }, fromMs: 1_000, untilMs: 1_500, share: 1 },
    ])
  })

  test('knows what it is like everywhere else: nothing is limited, and the pace is the usual one', () => {
    expect(weatherOf({})).toMatchObject({ paces: [], allowances: [], sameAnswerShare: 0.1 })
  })

  test('over a region is over each of its providers', () => {
    const { spells } = weatherOf({ where: { kind: 'region', region: 'googleapis' } })
    expect(spells.map(({ where }) => where)).toEqual(
      ['gemini', 'vertex-gemini', 'vertex-anthropic'].map((provider) => ({ kind: 'provider', provider })),
    )
  })

  test('asks to wait in whole seconds, and never less than asked', () => {
    const [spell] = weatherOf({ fault: 'rate-limit', retryAfterMs: 1_200 }).spells
    expect(spell?.fault).toEqual({ type: 'refuse', status: 429, headers: { 'retry-after': '2' } })
  })

  test('makes first tokens as slow as it says, or 20 s', () => {
    const slowOf = (event: Partial<WeatherEvent>) =>
      weatherOf({ fault: 'slow-first-token', ...event }).spells[0]?.fault
    expect(slowOf({})).toEqual({ type: 'slow-first-token', firstTokenMs: 20_000 })
    expect(slowOf({ firstTokenMs: 7 })).toEqual({ type: 'slow-first-token', firstTokenMs: 7 })
  })

  test('befalls the share it says in all, its kinds in equal parts', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...WEATHER_FAULTS),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (fault, share) => {
          // The world asks one spell after the other, and the first that strikes decides.
          let left = 1
          const { spells } = weatherOf({ fault, share })
          for (const spell of spells) {
            expect(left * spell.share).toBeCloseTo(share / spells.length, 9)
            left *= 1 - spell.share
          }
          expect(1 - left).toBeCloseTo(share, 9)
        },
      ),
    )
  })
})

describe('the traffic of a scenario', () => {
  test('asks for all routes alike where none is named', () => {
    const traffic = trafficFromScenario(usual.traffic, { routes: ['smart', 'alone'] })
    expect(traffic).toMatchObject({ routes: { smart: 1, alone: 1 }, requests: 10_000, streamShare: 0.7 })
    expect(traffic).not.toHaveProperty('clientKey')
  })

  test('asks for what is named, as far as it is played', () => {
    const named = { ...usual.traffic, routes: { smart: 3, other: 1 } }
    expect(trafficFromScenario(named, { routes: ['smart', 'alone'] }).routes).toEqual({ smart: 3 })
    expect(trafficFromScenario(named, { routes: ['alone'], clientKey: 'sk-x' })).toMatchObject({
      routes: { alone: 1 },
      clientKey: 'sk-x',
    })
  })

  test('has its noon by day, its evening by night, and is flat where that is said', () => {
    const curves = (['flat', 'office', 'evening'] as const).map(dayCurve)
    for (const curve of curves) expect(curve).toHaveLength(24)
    const [flat = [], office = [], evening = []] = curves
    expect(new Set(flat).size).toBe(1)
    expect(office[11]).toBeGreaterThan(office[20] ?? 0)
    expect(evening[20]).toBeGreaterThan(evening[11] ?? 0)
  })
})
