/** The scenarios that need no file: what goes wrong most, by name, with parameters. */

import { z } from 'zod'
import { writeDuration } from '../std/config-values.ts'
import type { Scenario, WeatherEvent } from './scenario.ts'
import { objectivesShape, scenarioSchema, toObjectives, toScenario } from './scenario-schema.ts'
import { lastingSchema, momentSchema, partSchema } from './scenario-values.ts'

/** What a scenario takes of the configuration, where its parameters leave it open. */
export interface Surroundings {
  /** The provider that is asked first. */
  readonly provider: string
  /** Where that provider is. */
  readonly region: string
}

export interface BuiltInScenario {
  readonly name: string
  readonly about: string
  /** Names of its parameters with their defaults, for the list. */
  readonly parameters: Readonly<Record<string, string>>
  /** Judges the parameters and makes the scenario of them. */
  readonly schema: z.ZodType<(surroundings: Surroundings) => Scenario>
}

type Written = Readonly<Record<string, z.ZodType>>

interface Definition<Shape extends Written> {
  readonly name: string
  readonly about: string
  readonly shape: Shape
  readonly defaults: Readonly<Record<string, string>>
  readonly weather: (
    values: z.output<z.ZodObject<Shape>>,
    surroundings: Surroundings,
  ) => readonly WeatherEvent[]
}

function define<Shape extends Written>(definition: Definition<Shape>): BuiltInScenario {
  const { name, about, shape, defaults, weather } = definition
  const own = z.strictObject(shape)
  const schema = z.strictObject({ ...shape, ...objectivesShape }).transform((values) => {
    return (surroundings: Surroundings): Scenario => ({
      ...toScenario(scenarioSchema.parse({ name, about })),
      // Sound: the strict object above holds this shape, and what it holds has been judged by it.
      weather: weather(values as z.output<typeof own>, surroundings),
      objectives: toObjectives(z.object(objectivesOutput).parse(values)),
    })
  })
  return { name, about, parameters: defaults, schema }
}

const objectivesOutput = {
  answered: z.number().optional(),
  firstTokenP99: z.number().optional(),
  extraCost: z.number().optional(),
  truncated: z.number().optional(),
}

const name = z.string().min(1)

const calm = define({
  name: 'calm',
  about: 'Nothing goes wrong: what the others are compared with.',
  shape: {},
  defaults: {},
  weather: () => [],
})

const outage = define({
  name: 'outage',
  about: 'A provider is down: connections are refused, or answered with 503.',
  shape: {
    provider: name.optional(),
    at: momentSchema.default(10 * 3_600_000),
    for: lastingSchema.default(600_000),
  },
  defaults: { provider: 'the first', at: '10:00', for: writeDuration(600_000) },
  weather: ({ provider, at, for: forMs }, { provider: first }) => [
    { atMs: at, forMs, where: { kind: 'provider', provider: provider ?? first }, fault: 'outage', share: 1 },
  ],
})

const rateLimits = define({
  name: '429-storm',
  about: 'A provider says "too many requests" to most calls.',
  shape: {
    provider: name.optional(),
    at: momentSchema.default(10 * 3_600_000),
    for: lastingSchema.default(1_800_000),
    share: partSchema.default(0.6),
    retryAfter: lastingSchema.default(20_000),
  },
  defaults: { provider: 'the first', at: '10:00', for: '30m', share: '60%', retryAfter: '20s' },
  weather: ({ provider, at, for: forMs, share, retryAfter }, { provider: first }) => [
    {
      atMs: at,
      forMs,
      where: { kind: 'provider', provider: provider ?? first },
      fault: 'rate-limit',
      share,
      retryAfterMs: retryAfter,
    },
  ],
})

const slowFirstTokens = define({
  name: 'slow-first-tokens',
  about: 'A provider takes long to begin with a part of its answers.',
  shape: {
    provider: name.optional(),
    at: momentSchema.default(10 * 3_600_000),
    for: lastingSchema.default(3_600_000),
    share: partSchema.default(0.3),
    firstToken: lastingSchema.default(20_000),
  },
  defaults: { provider: 'the first', at: '10:00', for: '1h', share: '30%', firstToken: '20s' },
  weather: ({ provider, at, for: forMs, share, firstToken }, { provider: first }) => [
    {
      atMs: at,
      forMs,
      where: { kind: 'provider', provider: provider ?? first },
      fault: 'slow-first-token',
      share,
      firstTokenMs: firstToken,
    },
  ],
})

const truncatedStreams = define({
  name: 'truncated-streams',
  about: 'A part of all answers breaks off in the middle, all day, at every provider or at one.',
  shape: {
    provider: name.optional(),
    at: momentSchema.default(0),
    for: lastingSchema.default(24 * 3_600_000),
    share: partSchema.default(0.05),
  },
  defaults: { provider: 'all', at: '0:00', for: '24h', share: '5%' },
  weather: ({ provider, at, for: forMs, share }) => [
    {
      atMs: at,
      forMs,
      where: provider === undefined ? { kind: 'everywhere' } : { kind: 'provider', provider },
      fault: 'truncate',
      share,
    },
  ],
})

const regionLoss = define({
  name: 'region-loss',
  about: 'Every provider of one company or one region is down at the same time.',
  shape: {
    region: name.optional(),
    at: momentSchema.default(14 * 3_600_000),
    for: lastingSchema.default(1_800_000),
  },
  defaults: { region: 'that of the first provider', at: '14:00', for: '30m' },
  weather: ({ region, at, for: forMs }, { region: first }) => [
    { atMs: at, forMs, where: { kind: 'region', region: region ?? first }, fault: 'outage', share: 1 },
  ],
})

export const builtInScenarios: ReadonlyMap<string, BuiltInScenario> = new Map(
  [outage, rateLimits, slowFirstTokens, truncatedStreams, regionLoss, calm].map((one) => [one.name, one]),
)

/** The names of the objectives that every scenario takes as parameters. */
export const OBJECTIVE_PARAMETERS = Object.keys(objectivesShape)
