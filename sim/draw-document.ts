/** Draws a configuration: one to four providers of different dialects, and routes of every kind over them. */

import { befalls, wholeBetween } from '../src/drill/engine/chance.ts'
import type { Random } from '../src/std/ids.ts'
import { PLANTED_SECRET } from './scene.ts'

export interface DrawnTarget {
  readonly provider: string
  readonly target: string
}

export interface DrawnDocument {
  readonly document: object
  /** The same with its routes in another order, for a reload. */
  readonly reloaded: object
  readonly routes: readonly string[]
  readonly targets: readonly [DrawnTarget, ...DrawnTarget[]]
  readonly clientKey?: string
}

interface KnownTarget {
  readonly provider: string
  readonly model: string
  readonly entry?: object
}

/** All dialects that providers speak, every way of going on with an answer, hosted and local. */
const KNOWN: readonly KnownTarget[] = [
  { provider: 'openai', model: 'gpt-5' },
  { provider: 'anthropic', model: 'claude-sonnet-4-5' },
  { provider: 'gemini', model: 'gemini-2.5-flash' },
  { provider: 'mistral', model: 'mistral-small-latest' },
  { provider: 'deepseek', model: 'deepseek-chat' },
  { provider: 'cohere', model: 'command-a-03-2025' },
  { provider: 'xai', model: 'grok-4' },
  {
    provider: 'bedrock',
    model: 'anthropic.claude-sonnet-4-5-20250929-v1:0',
    entry: { baseUrl: 'https://bedrock-runtime.us-east-1.amazonaws.com' },
  },
  { provider: 'vllm', model: 'qwen3', entry: { baseUrl: 'http://127.0.0.1:8000/v1' } },
  { provider: 'ollama-native', model: 'llama3.2', entry: { baseUrl: 'http://127.0.0.1:11434' } },
]
const PROVIDERS_MAX = 4
const ROUTES_MAX = 3
const CLIENT_KEY = `hf-${PLANTED_SECRET}-of-a-client`

export function drawDocument(random: Random): DrawnDocument {
  const known = shuffled(KNOWN, random).slice(0, wholeBetween(random, 1, PROVIDERS_MAX))
  const targets = known.map(({ provider, model }) => ({ provider, target: `${provider}/${model}` }))
  const [first, ...rest] = targets
  if (first === undefined) throw new Error('a scene needs a provider')
  const routes = Array.from({ length: wholeBetween(random, 1, ROUTES_MAX) }, (_, index) => `route-${index}`)
  const hasKey = befalls(random, 0.3)
  const base = {
    discover: false,
    providers: Object.fromEntries(known.map((one) => [one.provider, drawProvider(one, random)])),
    ...(hasKey ? { keys: [{ name: 'program', key: CLIENT_KEY }] } : {}),
    ...(befalls(random, 0.2) ? { limits: { requestsInFlight: wholeBetween(random, 2, 40) } } : {}),
    shutdown: { drain: `${wholeBetween(random, 0, 5)}s` },
  }
  const drawn = Object.fromEntries(routes.map((name) => [name, drawRoute(targets, random)]))
  const redrawn = Object.fromEntries(routes.map((name) => [name, drawRoute(targets, random)]))
  return {
    document: { ...base, routes: drawn },
    reloaded: { ...base, routes: redrawn },
    routes,
    targets: [first, ...rest],
    ...(hasKey ? { clientKey: CLIENT_KEY } : {}),
  }
}

function drawProvider({ provider, entry }: KnownTarget, random: Random): object {
  const key = (number: number) => `sk-${PLANTED_SECRET}-${provider}-${number}-0123456789`
  const isAws = provider === 'bedrock'
  const credential = isAws ? `AKIA${PLANTED_SECRET}:${key(1)}` : key(1)
  const hasPool = !isAws && befalls(random, 0.2)
  return {
    ...entry,
    ...(hasPool ? { keys: [key(1), key(2)] } : { credential }),
    ...(befalls(random, 0.15) ? { slots: wholeBetween(random, 1, 4) } : {}),
    ...(befalls(random, 0.3) ? { timeouts: { firstToken: '5s', idle: '4s', connect: '1s' } } : {}),
  }
}

const STRATEGIES = ['weighted', 'latency', 'cheapest', 'affinity'] as const

function drawRoute(targets: readonly DrawnTarget[], random: Random): object {
  const names = shuffled(targets, random)
    .slice(0, wholeBetween(random, 1, targets.length))
    .map(({ target }) => target)
  return {
    targets: drawTree(names, random),
    deadline: `${wholeBetween(random, 5, 90)}s`,
    retries: wholeBetween(random, 0, 3),
    rescue: pick(['off', 'safe', 'safe', 'full'], random),
    ...(befalls(random, 0.25) ? { hedge: { after: '500ms', share: '20%' } } : {}),
    policyFallback: befalls(random, 0.3),
  }
}

/** In order, or the first by choice among some, or a group after the first. */
function drawTree(names: readonly string[], random: Random): readonly unknown[] {
  const [first, ...rest] = names
  if (rest.length === 0 || befalls(random, 0.5)) return names
  const balance = pick(STRATEGIES, random)
  if (befalls(random, 0.5)) return [{ balance, targets: names }]
  const condition = befalls(random, 0.3) ? { when: 'request.inputTokens > 100' } : {}
  return [first, { balance, targets: rest, ...condition }]
}

function pick<Item>(items: readonly [Item, ...Item[]], random: Random): Item {
  return items[Math.floor(random.next() * items.length)] ?? items[0]
}

/** Fisher and Yates. */
function shuffled<Item>(items: readonly Item[], random: Random): readonly Item[] {
  const all = [...items]
  for (let at = all.length - 1; at > 0; at -= 1) {
    const other = wholeBetween(random, 0, at)
    const held = all[at]
    const moved = all[other]
    if (held === undefined || moved === undefined) continue
    all[at] = moved
    all[other] = held
  }
  return all
}
