/** What a scenario file may say, with the defaults of what it leaves out. */

import { z } from 'zod'
import { byteSizeSchema } from '../std/config-values.ts'
import {
  DAY_PATTERNS,
  type Objectives,
  type Scenario,
  WEATHER_FAULTS,
  type WeatherPlace,
} from './scenario.ts'
import type { Spread } from './engine/traffic.ts'
import { lastingSchema, momentSchema, partSchema } from './scenario-values.ts'

/** Requests of one played day: more would take minutes and say nothing new. */
export const REQUESTS_MAX = 1_000_000
/** Requests of a day where nobody says how many. */
export const REQUESTS_DEFAULT = 10_000
/** Events of one day. */
const EVENTS_MAX = 1_000
/** The client dialects that can be asked in: those whose stories the played clients know. */
const CLIENT_DIALECTS = ['openai-chat', 'anthropic-messages', 'openai-responses', 'gemini'] as const
const PROMPT_BYTES_MAX = 4 * 1024 ** 2
const OUTPUT_TOKENS_MAX = 32_000

const weight = z.number().positive().max(1_000_000)
const promptSize = byteSizeSchema({ minBytes: 1, maxBytes: PROMPT_BYTES_MAX })
const tokens = z.int().min(1).max(OUTPUT_TOKENS_MAX)

const trafficSchema = z
  .strictObject({
    requests: z.int().min(1).max(REQUESTS_MAX).default(REQUESTS_DEFAULT).describe('Over the whole day.'),
    day: z.enum(DAY_PATTERNS).default('office').describe('How they spread over it.'),
    streams: partSchema.default(0.7).describe('Share that asks for a stream. Default 70%.'),
    sameAnswers: partSchema
      .default(0.1)
      .describe('Share of the answers that another provider would give word for word. Default 10%.'),
    leave: partSchema.default(0.01).describe('Share of the clients that leave before the end. Default 1%.'),
    sdkRetries: z
      .boolean()
      .default(true)
      .describe('Clients try again by themselves, as SDKs do. Default true.'),
    dialects: z
      .partialRecord(z.enum(CLIENT_DIALECTS), weight)
      .default({ 'openai-chat': 1, 'anthropic-messages': 1 })
      .describe('Weight of each dialect that clients speak.'),
    routes: z
      .record(z.string(), weight)
      .default({})
      .describe('Weight of each route; those not named get nothing. Default: all alike.'),
    prompt: spreadOf(promptSize, { median: 2_048, p95: 16_384 }).describe('Size of the prompts.'),
    output: spreadOf(tokens, { median: 150, p95: 600 }).describe('Tokens of the answers.'),
  })
  .prefault({})

/** `{ median, p95 }`, as played where nobody writes it. */
function spreadOf(size: z.ZodType<number>, usual: Spread) {
  return z
    .strictObject({ median: size, p95: size })
    .refine(({ median, p95 }) => p95 >= median, { error: 'has a p95 below its median' })
    .default(usual)
}

const eventSchema = z
  .strictObject({
    at: momentSchema,
    for: lastingSchema,
    provider: z.string().optional(),
    target: z.string().optional(),
    region: z.string().optional(),
    fault: z.enum(WEATHER_FAULTS),
    share: partSchema.default(1),
    firstToken: lastingSchema.optional(),
    retryAfter: lastingSchema.optional(),
  })
  .superRefine((event, context) => {
    const named = (['provider', 'target', 'region'] as const).filter((name) => event[name] !== undefined)
    if (named.length > 1)
      context.addIssue({ code: 'custom', message: `names ${named.join(' and ')}: keep one of them` })
    for (const [field, fault] of [
      ['firstToken', 'slow-first-token'],
      ['retryAfter', 'rate-limit'],
    ] as const) {
      if (event[field] !== undefined && event.fault !== fault)
        context.addIssue({ code: 'custom', path: [field], message: `belongs to the fault ${fault}` })
    }
  })

/** The objectives as they are written, each optional. */
export const objectivesShape = {
  answered: partSchema.optional().describe('At least this share gets a whole answer.'),
  firstTokenP99: lastingSchema.optional().describe('99 of 100 answers begin within this.'),
  extraCost: partSchema.optional().describe('At most this share of the cost buys nothing.'),
  truncated: partSchema.optional().describe('At most this share ends in the middle of its answer.'),
}

export const scenarioSchema = z.strictObject({
  name: z.string().min(1).max(64).default('scenario'),
  about: z.string().max(500).default(''),
  traffic: trafficSchema,
  weather: z.array(eventSchema).max(EVENTS_MAX).default([]),
  objectives: z.strictObject(objectivesShape).default({}),
})

export type ScenarioDocument = z.output<typeof scenarioSchema>

/** The document in the words of the drill. */
export function toScenario({ name, about, traffic, weather, objectives }: ScenarioDocument): Scenario {
  return {
    name,
    about,
    traffic: {
      requests: traffic.requests,
      day: traffic.day,
      streamShare: traffic.streams,
      leaveShare: traffic.leave,
      sameAnswerShare: traffic.sameAnswers,
      hasSdkRetries: traffic.sdkRetries,
      dialects: traffic.dialects,
      routes: traffic.routes,
      promptBytes: traffic.prompt,
      outputTokens: traffic.output,
    },
    weather: weather.map(({ at, for: forMs, fault, share, firstToken, retryAfter, ...where }) => ({
      atMs: at,
      forMs,
      where: placeOf(where),
      fault,
      share,
      ...(firstToken !== undefined && { firstTokenMs: firstToken }),
      ...(retryAfter !== undefined && { retryAfterMs: retryAfter }),
    })),
    objectives: toObjectives(objectives),
  }
}

interface WrittenPlace {
  readonly provider?: string | undefined
  readonly target?: string | undefined
  readonly region?: string | undefined
}

function placeOf({ provider, target, region }: WrittenPlace): WeatherPlace {
  if (provider !== undefined) return { kind: 'provider', provider }
  if (target !== undefined) return { kind: 'target', target }
  if (region !== undefined) return { kind: 'region', region }
  return { kind: 'everywhere' }
}

export function toObjectives(written: {
  readonly answered?: number | undefined
  readonly firstTokenP99?: number | undefined
  readonly extraCost?: number | undefined
  readonly truncated?: number | undefined
}): Partial<Objectives> {
  return {
    ...(written.answered !== undefined && { answeredShare: written.answered }),
    ...(written.firstTokenP99 !== undefined && { firstTokenP99Ms: written.firstTokenP99 }),
    ...(written.extraCost !== undefined && { extraCostShare: written.extraCost }),
    ...(written.truncated !== undefined && { truncatedShare: written.truncated }),
  }
}
