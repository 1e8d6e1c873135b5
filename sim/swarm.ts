/** A scene from a seed: a topology, traffic, and a random subset of everything that can go wrong. */

import { befalls, wholeBetween } from '../src/drill/engine/chance.ts'
import type { Traffic } from '../src/drill/engine/traffic.ts'
import type { Allowance, Place, Spell, Weather } from '../src/drill/engine/weather.ts'
import { randomFor } from '../src/simulator/seed.ts'
import type { Random } from '../src/std/ids.ts'
import { drawDocument, type DrawnDocument } from './draw-document.ts'
import { drawFault, FAULT_KINDS } from './draw-fault.ts'
import type { Scene, SceneAct } from './scene.ts'

/** Requests of a scene where nobody says how many. */
export const SCENE_REQUESTS = 400
/** Share of the fault kinds that a scene has: few enough that each may show what it does alone. */
const KIND_SHARES = [0, 0.1, 0.25, 0.5] as const
const SPELLS_OF_KIND_MAX = 2
const RATES_PER_S = [0.5, 2, 8, 30, 100] as const
const SHARES = [0.02, 0.1, 0.3, 0.7, 1] as const

export function drawScene(seed: number, requests: number = SCENE_REQUESTS): Scene {
  const random = randomFor(seed, 'scene')
  const drawn = drawDocument(random)
  const perSecond = pick(RATES_PER_S, random)
  const lengthMs = (requests / perSecond) * 1_000
  return {
    seed,
    document: drawn.document,
    traffic: drawTraffic(random, { requests, perSecond, drawn }),
    weather: drawWeather(random, lengthMs, drawn.targets),
    acts: drawActs(random, lengthMs, drawn),
  }
}

function drawWeather(random: Random, lengthMs: number, targets: DrawnDocument['targets']): Weather {
  const kindShare = pick(KIND_SHARES, random)
  const kinds = FAULT_KINDS.filter(() => befalls(random, kindShare))
  const spells = kinds.flatMap((kind) =>
    Array.from({ length: wholeBetween(random, 1, SPELLS_OF_KIND_MAX) }, (): Spell => {
      const fromMs = befalls(random, 0.4) ? 0 : random.next() * lengthMs
      const untilMs = befalls(random, 0.4) ? Number.MAX_SAFE_INTEGER : fromMs + random.next() * lengthMs
      return {
        fault: drawFault(kind, random),
        where: drawPlace(random, targets),
        fromMs,
        untilMs,
        share: pick(SHARES, random),
      }
    }),
  )
  const allowances: readonly Allowance[] = befalls(random, 0.2)
    ? [{ where: drawPlace(random, targets), requestsPerMinute: wholeBetween(random, 1, 120) }]
    : []
  return { paces: [], spells, allowances, sameAnswerShare: pick([0, 0.5, 1], random) }
}

function drawPlace(random: Random, targets: DrawnDocument['targets']): Place {
  const { provider, target } = pick(targets, random)
  const draw = random.next()
  if (draw < 0.25) return { kind: 'everywhere' }
  return draw < 0.6 ? { kind: 'provider', provider } : { kind: 'target', target }
}

interface TrafficFacts {
  readonly requests: number
  readonly perSecond: number
  readonly drawn: DrawnDocument
}

function drawTraffic(random: Random, { requests, perSecond, drawn }: TrafficFacts): Traffic {
  const { routes, targets, clientKey } = drawn
  const direct = befalls(random, 0.3) ? [[pick(targets, random).target, 0.2] as const] : []
  return {
    clients: wholeBetween(random, 1, 20),
    requests,
    arrival: { type: 'steady', perSecond },
    dialects: { 'openai-chat': 2, 'anthropic-messages': 2, 'openai-responses': 1, gemini: 1 },
    streamShare: pick([0.3, 0.7, 1], random),
    routes: Object.fromEntries([...routes.map((name) => [name, 1] as const), ...direct]),
    promptBytes: { median: 300, p95: 2_000 },
    outputTokens: { median: 32, p95: 160 },
    hasSdkRetries: befalls(random, 0.6),
    leaveShare: pick([0, 0.05, 0.3], random),
    slowShare: pick([0, 0, 0.1], random),
    toolShare: pick([0, 0.1, 0.5], random),
    priority: befalls(random, 0.3) ? { low: 0.3, high: 0.2 } : { low: 0, high: 0 },
    ...(clientKey === undefined ? {} : { clientKey }),
    ...(befalls(random, 0.3) ? { timeout: { share: 0.3, ms: { median: 5_000, p95: 30_000 } } } : {}),
  }
}

function drawActs(
  random: Random,
  lengthMs: number,
  { document, reloaded }: DrawnDocument,
): readonly SceneAct[] {
  const acts: SceneAct[] = []
  if (befalls(random, 0.25))
    acts.push({
      type: 'reload',
      atMs: random.next() * lengthMs,
      document: befalls(random, 0.5) ? document : reloaded,
    })
  if (befalls(random, 0.2)) acts.push({ type: 'restart', atMs: random.next() * lengthMs })
  return acts
}

function pick<Item>(items: readonly [Item, ...Item[]], random: Random): Item {
  return items[Math.floor(random.next() * items.length)] ?? items[0]
}
