/**
 * What becomes of one client's answers while another's provider refuses its key, has no quota left, or takes its time. Played
 * under virtual time, where an answer takes exactly as long as its provider and the gateway's own rules make it.
 */

import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/app/config/load-config.ts'
import type { ClientStory } from '../../src/drill/engine/history.ts'
import type { Spell, UpstreamFault } from '../../src/drill/engine/weather.ts'
import { createWorld } from '../../src/drill/engine/world.ts'
import { quantile } from '../../src/drill/quantile.ts'

const REQUESTS = 1_500
const PER_SECOND = 25
/** How much of all that is asked is the neighbour's. */
const NEIGHBOUR_SHARE = 0.8
const OWN_FAULT_SHARE = 0.03
const BACKOFF_MS = 1_000
const P99_GROWTH_MAX = 1.1

/** Dear: what second tries cost counts from the first minute on. */
const PRICES = { m: { input: 100, output: 100 } }

/** One company, and a key of each client with it: what befalls the one is no reason to spare the other. */
const loaded = loadConfig({
  env: {},
  text: JSON.stringify({
    discover: false,
    providers: {
      theirs: {
        dialect: 'openai-chat',
        baseUrl: 'https://models.example/v1',
        credential: 'sk-theirs-01234567',
        prices: PRICES,
      },
      ours: {
        dialect: 'openai-chat',
        baseUrl: 'https://models.example/v1',
        credential: 'sk-ours-0123456789',
        prices: PRICES,
      },
    },
    routes: { theirs: { targets: ['theirs/m'], retries: 2 }, ours: { targets: ['ours/m'], retries: 2 } },
  }),
})

type Stories = ReadonlyMap<number, ClientStory>

/** Ours, by their numbers: the same are asked at the same moments whatever befalls the neighbour. */
async function playOurs(fault?: UpstreamFault, share = 1): Promise<{ ours: Stories; theirs: Stories }> {
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults))
  const history = await createWorld({
    seed: 44,
    config: loaded.config,
    recordHistory: false,
    traffic: {
      clients: 8,
      requests: REQUESTS,
      arrival: { type: 'steady', perSecond: PER_SECOND },
      dialects: { 'openai-chat': 1, 'anthropic-messages': 1 },
      streamShare: 0.7,
      routes: { theirs: NEIGHBOUR_SHARE, ours: 1 - NEIGHBOUR_SHARE },
      promptBytes: { median: 500, p95: 4_000 },
      outputTokens: { median: 40, p95: 200 },
      hasSdkRetries: true,
      leaveShare: 0,
    },
    weather: {
      paces: [],
      allowances: [],
      spells: [
        // Ours fails now and then as well, and is tried again: whose tries those are must not matter either.
        spell('ours', { type: 'refuse', status: 503 }, OWN_FAULT_SHARE),
        ...(fault === undefined ? [] : [spell('theirs', fault, share)]),
      ],
    },
  }).run()
  const of = (model: string): Stories =>
    new Map(history.requests.filter((one) => one.model === model).map((one) => [one.number, one]))
  return { ours: of('ours'), theirs: of('theirs') }
}

function spell(provider: string, fault: UpstreamFault, share: number): Spell {
  return { fault, where: { kind: 'provider', provider }, fromMs: 0, untilMs: Number.MAX_SAFE_INTEGER, share }
}

function p99(stories: Stories): number {
  const found = quantile(
    [...stories.values()].map(({ startMs, endMs }) => endMs - startMs).sort((a, b) => a - b),
    0.99,
  )
  if (found === undefined) throw new Error('there are none of them')
  return found
}

interface Neighbour {
  readonly what: string
  readonly fault: UpstreamFault
  readonly share?: number
}

const neighbours: readonly Neighbour[] = [
  { what: 'a key that its provider refuses', fault: { type: 'refuse', status: 401 } },
  { what: 'a quota that is spent', fault: { type: 'refuse', status: 429, reason: 'quota' } },
  {
    what: 'a limit that is reached',
    fault: { type: 'refuse', status: 429, headers: { 'retry-after': '7' } },
  },
  { what: 'a provider that is overloaded', fault: { type: 'refuse', status: 503 } },
  // Their second tries are many and dear, and its breaker stays closed.
  { what: 'a provider that fails now and then', fault: { type: 'refuse', status: 503 }, share: 0.3 },
  { what: 'a provider that takes half a minute', fault: { type: 'slow-first-token', firstTokenMs: 30_000 } },
  { what: 'a provider that never answers', fault: { type: 'hang' } },
  { what: 'a provider that cannot be reached', fault: { type: 'black-hole' } },
  { what: 'a provider that falls silent in the middle', fault: { type: 'stall', at: 0.5, forMs: 60_000 } },
]

describe('SEC-44: one client’s answers come as soon as ever beside', async () => {
  const calm = await playOurs()

  test('there is enough of both to compare', () => {
    expect(calm.ours.size).toBeGreaterThan(200)
    expect(calm.theirs.size).toBeGreaterThan(1_000)
    expect([...calm.ours.values()].every(({ outcome }) => outcome === 'answered')).toBe(true)
  })

  test.each(neighbours)('$what', async ({ fault, share = 1 }) => {
    const beside = await playOurs(fault, share)
    // The neighbour is really worse off, or nothing is shown.
    expect(worseOff(beside.theirs, calm.theirs)).toBeGreaterThan(share * 0.5)
    expect(new Set(beside.ours.keys())).toEqual(new Set(calm.ours.keys()))
    expect([...beside.ours.values()].filter(({ outcome }) => outcome !== 'answered')).toEqual([])
    expect(p99(beside.ours)).toBeLessThanOrEqual(p99(calm.ours) * P99_GROWTH_MAX)
    // Not the 99th alone: every single one, but for what chance adds to the wait before a second try.
    const later = [...beside.ours].filter(
      ([number, { startMs, endMs }]) =>
        endMs - startMs > lengthOf(calm.ours, number) * P99_GROWTH_MAX + BACKOFF_MS,
    )
    expect(later.map(([number]) => number)).toEqual([])
  })
})

function lengthOf(stories: Stories, number: number): number {
  const { startMs = 0, endMs = 0 } = stories.get(number) ?? {}
  return endMs - startMs
}

/** The share that failed, or took longer by half. */
function worseOff(stories: Stories, before: Stories): number {
  const worse = [...stories].filter(
    ([number, { outcome }]) =>
      outcome !== 'answered' || lengthOf(stories, number) > 1.5 * lengthOf(before, number),
  )
  return worse.length / stories.size
}
