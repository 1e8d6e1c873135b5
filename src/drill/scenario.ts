/** A drill's scenario: a day of traffic, the weather it meets, and what must hold. Plain values, checked already. */

import type { DialectId } from '../canonical/envelope.ts'
import type { Spread } from './engine/traffic.ts'

export interface Scenario {
  readonly name: string
  /** One sentence for people. */
  readonly about: string
  readonly traffic: ScenarioTraffic
  readonly weather: readonly WeatherEvent[]
  /** What the scenario states; what it leaves out is judged by the defaults and never fails a drill. */
  readonly objectives: Partial<Objectives>
}

/** How the day's requests arrive: the same rate all day, working hours, or evenings. */
export const DAY_PATTERNS = ['flat', 'office', 'evening'] as const
export type DayPattern = (typeof DAY_PATTERNS)[number]

export interface ScenarioTraffic {
  /** Over the whole day. */
  readonly requests: number
  readonly day: DayPattern
  /** Share of the requests that ask for a stream, 0 to 1. */
  readonly streamShare: number
  /** Share of the clients that leave before the end, 0 to 1. */
  readonly leaveShare: number
  /** Share of the answers that another provider would give word for word, 0 to 1: few, where models think for themselves. */
  readonly sameAnswerShare: number
  /** Whether clients are SDKs that try again by themselves. */
  readonly hasSdkRetries: boolean
  /** Weight of each dialect that clients speak. */
  readonly dialects: Readonly<Partial<Record<DialectId, number>>>
  /** Weight of each route; empty: all alike. */
  readonly routes: Readonly<Record<string, number>>
  readonly promptBytes: Spread
  readonly outputTokens: Spread
}

/** What providers can do to calls, in the words of someone who has been on call. */
export const WEATHER_FAULTS = [
  'outage',
  'overload',
  'rate-limit',
  'hang',
  'slow-first-token',
  'truncate',
  'bad-key',
  'quota',
] as const
export type WeatherFault = (typeof WEATHER_FAULTS)[number]

export interface WeatherEvent {
  /** Since the start of the day, ms. */
  readonly atMs: number
  readonly forMs: number
  readonly where: WeatherPlace
  readonly fault: WeatherFault
  /** Share of the calls that it befalls, 0 to 1. */
  readonly share: number
  /** For `slow-first-token`: how long the first token takes, ms. */
  readonly firstTokenMs?: number
  /** For `rate-limit`: the wait that the provider asks for, ms. */
  readonly retryAfterMs?: number
}

/** Where it happens: everywhere, at one provider, at one target (`provider/model`), or in one company or region. */
export type WeatherPlace =
  | { readonly kind: 'everywhere' }
  | { readonly kind: 'provider'; readonly provider: string }
  | { readonly kind: 'target'; readonly target: string }
  | { readonly kind: 'region'; readonly region: string }

export interface Objectives {
  /** At least this share of the requests gets a whole answer, 0 to 1. */
  readonly answeredShare: number
  /** 99 of 100 answers begin within this, ms. */
  readonly firstTokenP99Ms: number
  /** At most this share of the whole cost buys nothing, 0 to 1. */
  readonly extraCostShare: number
  /** At most this share of the requests ends in the middle of its answer, 0 to 1. */
  readonly truncatedShare: number
}

/** What is expected where nobody stated an objective. */
export const DEFAULT_OBJECTIVES: Objectives = {
  answeredShare: 0.999,
  firstTokenP99Ms: 5_000,
  extraCostShare: 0.1,
  truncatedShare: 0.001,
}

/** Length of the day that is played, ms. */
export const DAY_MS = 24 * 3_600_000
