/** From what a scenario says of the weather to what the world makes of it. Pure. */

import type { Place, Spell, UpstreamFault, Weather } from './engine/weather.ts'
import type { Provider } from '../providers/provider.ts'
import { isInRegion } from './provider-places.ts'
import type { Scenario, WeatherEvent, WeatherPlace } from './scenario.ts'

/** How long the first token takes where the scenario does not say, ms. */
export const SLOW_FIRST_TOKEN_MS = 20_000

export function weatherFromScenario(
  { weather, traffic }: Pick<Scenario, 'weather' | 'traffic'>,
  providers: readonly Provider[],
): Weather {
  return {
    paces: [],
    allowances: [],
    spells: weather.flatMap((event) => spellsOf(event, providers)),
    sameAnswerShare: traffic.sameAnswerShare,
  }
}

function spellsOf(event: WeatherEvent, providers: readonly Provider[]): readonly Spell[] {
  const mixed = mix(faultsOf(event), event.share)
  return placesOf(event.where, providers).flatMap((where) =>
    mixed.map(({ fault, share }) => ({
      fault,
      where,
      fromMs: event.atMs,
      untilMs: event.atMs + event.forMs,
      share,
    })),
  )
}

function placesOf(where: WeatherPlace, providers: readonly Provider[]): readonly Place[] {
  if (where.kind !== 'region') return [where]
  return providers
    .filter((provider) => isInRegion(provider, where.region))
    .map(({ id }) => ({ kind: 'provider', provider: id }))
}

/**
 * What the calls of one event meet, in equal parts. Outages are half silence and half 503: some machines are gone, and
 * what stands before them says so. Streams break at several places, with and without a broken connection.
 */
function faultsOf({ fault, firstTokenMs, retryAfterMs }: WeatherEvent): readonly UpstreamFault[] {
  switch (fault) {
    case 'outage':
      return [{ type: 'connect-refused' }, { type: 'refuse', status: 503 }]
    case 'overload':
      return [{ type: 'refuse', status: 503 }]
    case 'rate-limit':
      return [
        { type: 'refuse', status: 429, ...(retryAfterMs !== undefined && { headers: waitOf(retryAfterMs) }) },
      ]
    case 'hang':
      return [{ type: 'hang' }]
    case 'slow-first-token':
      return [{ type: 'slow-first-token', firstTokenMs: firstTokenMs ?? SLOW_FIRST_TOKEN_MS }]
    case 'truncate':
      return [
        { type: 'reset-in-body', at: 0.35 },
        { type: 'end-early', at: 0.5 },
        { type: 'reset-in-body', at: 0.75 },
        { type: 'end-early', at: 0.9 },
      ]
    case 'bad-key':
      return [{ type: 'refuse', status: 401 }]
    case 'quota':
      return [{ type: 'refuse', status: 429, reason: 'quota' }]
  }
}

function waitOf(retryAfterMs: number): Readonly<Record<string, string>> {
  return { 'retry-after': String(Math.ceil(retryAfterMs / 1_000)) }
}

/** The world asks one spell after the other, so that each gets its part of what the ones before it let through. */
function mix(
  faults: readonly UpstreamFault[],
  share: number,
): readonly { readonly fault: UpstreamFault; readonly share: number }[] {
  const part = share / faults.length
  return faults.map((fault, index) => ({ fault, share: Math.min(1, part / (1 - part * index)) }))
}
