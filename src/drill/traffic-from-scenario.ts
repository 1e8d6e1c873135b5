/** From what a scenario says of the traffic to the clients of the world. Pure. */

import type { Traffic } from './engine/traffic.ts'
import { DAY_MS, type DayPattern, type ScenarioTraffic } from './scenario.ts'

/** Clients that take turns. */
const CLIENTS = 50

export interface TrafficFacts {
  /** Names that are asked for where the scenario names none. */
  readonly routes: readonly string[]
  readonly clientKey?: string
}

export function trafficFromScenario(traffic: ScenarioTraffic, { routes, clientKey }: TrafficFacts): Traffic {
  const named = Object.entries(traffic.routes).filter(([name]) => routes.includes(name))
  return {
    clients: CLIENTS,
    requests: traffic.requests,
    arrival: { type: 'course', lengthMs: DAY_MS, weights: dayCurve(traffic.day) },
    dialects: traffic.dialects,
    streamShare: traffic.streamShare,
    routes: Object.fromEntries(named.length > 0 ? named : routes.map((name) => [name, 1])),
    promptBytes: traffic.promptBytes,
    outputTokens: traffic.outputTokens,
    hasSdkRetries: traffic.hasSdkRetries,
    leaveShare: traffic.leaveShare,
    ...(clientKey !== undefined && { clientKey }),
  }
}

/** Weights of the 24 hours. */
export function dayCurve(pattern: DayPattern): readonly number[] {
  const hours = Array.from({ length: 24 }, (_, hour) => hour)
  switch (pattern) {
    case 'flat':
      return hours.map(() => 1)
    case 'office':
      return hours.map((hour) => (hour >= 9 && hour < 18 ? 10 : hour >= 7 && hour < 20 ? 4 : 1))
    case 'evening':
      return hours.map((hour) => (hour >= 18 && hour < 23 ? 10 : hour >= 8 ? 4 : 1))
  }
}
