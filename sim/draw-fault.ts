/** Every kind of fault that providers of a scene may have, and how its details are drawn. */

import { wholeBetween } from '../src/drill/engine/chance.ts'
import type { UpstreamFault } from '../src/drill/engine/weather.ts'
import type { Random } from '../src/std/ids.ts'

type Draw = (random: Random) => UpstreamFault

const REFUSALS = [400, 401, 402, 403, 404, 408, 409, 413, 429, 500, 502, 503, 504, 529] as const
/** Retry-After as providers write it, and as they should not (fault 21). */
const WAITS = ['1', '2', '20', '86400', '-1', 'soon', 'Mon, 05 Jan 2025 00:00:00 GMT', '1e309'] as const

const drawn = {
  ...Object.fromEntries(
    REFUSALS.map((status): [string, Draw] => [`status-${status}`, () => ({ type: 'refuse', status })]),
  ),
  'rate-limit': (random) => ({
    type: 'refuse',
    status: 429,
    headers: { 'retry-after': WAITS[Math.floor(random.next() * WAITS.length)] ?? '1' },
  }),
  'rate-limit-ms': (random) => ({
    type: 'refuse',
    status: 429,
    headers: { 'retry-after-ms': String(wholeBetween(random, 50, 5_000)), 'retry-after': '30' },
  }),
  quota: () => ({ type: 'refuse', status: 429, reason: 'quota' }),
  'context-length': () => ({ type: 'refuse', status: 400, reason: 'context-length' }),
  'content-policy': () => ({ type: 'refuse', status: 400, reason: 'content-policy' }),
  'echoed-secret': (random) => ({
    type: 'refuse',
    status: [400, 401, 500][wholeBetween(random, 0, 2)] ?? 400,
    reason: 'echoed-secret',
  }),
  'html-page': () => ({ type: 'refuse', status: 502, reason: 'html-page' }),
  'empty-body': () => ({ type: 'refuse', status: 503, reason: 'empty-body' }),
  'connect-refused': () => ({ type: 'connect-refused' }),
  'black-hole': () => ({ type: 'black-hole' }),
  'reset-before-head': () => ({ type: 'reset-before-head' }),
  hang: () => ({ type: 'hang' }),
  'reset-in-body': (random) => ({ type: 'reset-in-body', at: random.next() }),
  'end-early': (random) => ({ type: 'end-early', at: random.next() }),
  stall: (random) => ({ type: 'stall', at: random.next(), forMs: wholeBetween(random, 100, 60_000) }),
  'slow-first-token': (random) => ({
    type: 'slow-first-token',
    firstTokenMs: wholeBetween(random, 2_000, 90_000),
  }),
  'pings-only': () => ({ type: 'pings-only', forMs: 600_000 }),
  'error-event': (random) => ({
    type: 'error-event',
    at: random.next() < 0.3 ? 0 : random.next(),
    status: [429, 500, 529][wholeBetween(random, 0, 2)] ?? 500,
  }),
  'empty-answer': () => ({ type: 'empty-answer' }),
  'malformed-event': (random) => ({ type: 'malformed-event', at: random.next() }),
  'wrong-content-type': () => ({ type: 'wrong-content-type' }),
  'giant-event': (random) => ({
    type: 'giant-event',
    at: random.next(),
    bytes: wholeBetween(random, 1_000, 200_000),
  }),
  slices: (random) => ({ type: 'slices', bytesMax: [1, 7, 64, 1_000][wholeBetween(random, 0, 3)] ?? 1 }),
  'terminal-twice': () => ({ type: 'terminal-twice' }),
  'held-open': () => ({ type: 'held-open' }),
} satisfies Readonly<Record<string, Draw>>

const draws: ReadonlyMap<string, Draw> = new Map(Object.entries<Draw>(drawn))

export const FAULT_KINDS: readonly string[] = [...draws.keys()]

export function drawFault(kind: string, random: Random): UpstreamFault {
  const draw = draws.get(kind)
  if (draw === undefined) throw new Error(`no fault ${kind}`)
  return draw(random)
}
