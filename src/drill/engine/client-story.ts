/** One thing that a client wants: asked for, and asked for again as the SDKs of OpenAI and Anthropic do. */

import type { Priority } from '../../admission/priority.ts'
import type { HoldfastConfig } from '../../app/config/config.ts'
import { DEADLINE_MS } from '../../resilience/timers.ts'
import { randomFor } from '../../simulator/seed.ts'
import type { Random } from '../../std/ids.ts'
import { sleep } from '../../std/clock.ts'
import { type Ask, isPlayed, type PlayedDialect, writeAsk } from './ask.ts'
import { befalls, chooseWeighted, drawFrom } from './chance.ts'
import { type FrontDoor, OpenTry } from './client-try.ts'
import type { ClientStory, ClientTry } from './history.ts'
import type { Traffic } from './traffic.ts'
import { tagOf, TOKENS_PER_WORD, WORDS_MAX } from './words.ts'

/** How often an SDK asks in all. */
export const SDK_TRIES_MAX = 3
/** The SDKs obey a wait up to this, ms; beyond it they wait as long as they think fit. */
const OBEYED_MAX_MS = 60_000
const BACKOFF_BASE_MS = 500
const BACKOFF_MAX_MS = 8_000
/** Statuses after which the SDKs ask again where no header says otherwise; and all from 500. */
const RETRIED_STATUSES: ReadonlySet<number> = new Set([408, 409, 429])

export interface StoryParts {
  readonly seed: number
  readonly traffic: Traffic
  readonly config: HoldfastConfig
  /** In force at this moment. */
  configNow(): HoldfastConfig
  /** Share of the answers that every target gives alike. */
  readonly sameAnswerShare: number
  readonly door: FrontDoor
  /** Where what is agreed of each try is kept while it runs. */
  readonly asks: Map<string, Ask>
}

/** Plays the story of this number to its end. Never rejects. */
export async function playStory(number: number, parts: StoryParts): Promise<ClientStory> {
  const { door, traffic } = parts
  const wish = drawWish(number, parts)
  const startMs = door.clock.nowMs()
  const tries: ClientTry[] = []
  for (;;) {
    const latest = await playTry(wish, tries.length, parts)
    tries.push(latest)
    const waitMs = traffic.hasSdkRetries ? retryWaitMs(latest, tries.length, wish.random) : undefined
    if (waitMs === undefined) break
    await sleep(door.clock, waitMs)
  }
  return {
    number,
    client: wish.client,
    dialect: wish.dialect,
    model: wish.model,
    isStream: wish.isStream,
    startMs,
    endMs: door.clock.nowMs(),
    outcome: tries.at(-1)?.outcome ?? 'hung',
    tries,
  }
}

/** What a story is about; nothing of it depends on other stories. */
interface Wish {
  readonly number: number
  readonly client: number
  readonly dialect: PlayedDialect
  readonly model: string
  readonly isStream: boolean
  readonly promptBytes: number
  readonly agreed: Omit<Ask, 'tag'>
  readonly leavesAfterMs?: number
  readonly timeoutMs?: number
  readonly dawdleMs: number
  readonly priority: Priority
  readonly random: Random
}

function drawWish(number: number, { seed, traffic, config, sameAnswerShare }: StoryParts): Wish {
  const random = randomFor(seed, 'story', number)
  const promptBytes = roughly(drawFrom(traffic.promptBytes, random))
  const words = wordsOf(drawFrom(traffic.outputTokens, random))
  const callsTool = befalls(random, traffic.toolShare ?? 0)
  const isStream = befalls(random, traffic.streamShare)
  const leaves = befalls(random, traffic.leaveShare)
  const { timeout } = traffic
  const timeoutMs =
    timeout !== undefined && befalls(random, timeout.share) ? drawTimeout(timeout.ms, random) : undefined
  return {
    number,
    client: number % traffic.clients,
    dialect: chooseDialect(traffic, random),
    model: chooseWeighted(modelWeights(traffic, config), random) ?? '',
    isStream,
    promptBytes,
    agreed: {
      words,
      inputTokens: Math.ceil(promptBytes / TOKENS_PER_WORD),
      isSame: befalls(random, sameAnswerShare),
      ...(callsTool ? { toolFrom: Math.floor(words / 2) } : {}),
    },
    ...(leaves ? { leavesAfterMs: drawLeave(random) } : {}),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    dawdleMs: befalls(random, traffic.slowShare ?? 0) ? 1 + Math.floor(random.next() * DAWDLE_MAX_MS) : 0,
    priority: drawPriority(traffic, random),
    random,
  }
}

/** The longest that a slow reader lets pass between two reads, ms. */
const DAWDLE_MAX_MS = 3_000
/** The first and the last moment at which a client leaves, ms; any order of magnitude between is as likely. */
const LEAVE_MIN_MS = 0.5
const LEAVE_MAX_MS = 30_000

function drawLeave(random: Random): number {
  return LEAVE_MIN_MS * (LEAVE_MAX_MS / LEAVE_MIN_MS) ** random.next()
}

/** SDKs say whole seconds. */
function drawTimeout(ms: { median: number; p95: number }, random: Random): number {
  return Math.max(1, Math.round(drawFrom(ms, random) / 1_000)) * 1_000
}

/** Sizes in steps of about a fifth, so that equal ones are often asked for. */
function roughly(size: number): number {
  return Math.round(2 ** (Math.round(Math.log2(Math.max(1, size)) * 4) / 4))
}

function wordsOf(tokens: number): number {
  return Math.min(WORDS_MAX, Math.max(1, Math.round(roughly(tokens) / TOKENS_PER_WORD)))
}

function chooseDialect({ dialects }: Traffic, random: Random): PlayedDialect {
  const weights = Object.entries(dialects).flatMap(([dialect, weight]) =>
    isPlayed(dialect) ? [[dialect, weight] as const] : [],
  )
  return chooseWeighted(weights, random) ?? 'openai-chat'
}

/** Where nobody says which routes are asked for, all are, as often. */
function modelWeights({ routes }: Traffic, config: HoldfastConfig): readonly (readonly [string, number])[] {
  const named = Object.entries(routes)
  return named.length > 0 ? named : config.routes.map(({ name }) => [name, 1] as const)
}

function drawPriority({ priority }: Traffic, random: Random): Priority {
  if (priority === undefined) return 'normal'
  const draw = random.next()
  if (draw < priority.low) return 'low'
  return draw < priority.low + priority.high ? 'high' : 'normal'
}

async function playTry(wish: Wish, earlier: number, parts: StoryParts): Promise<ClientTry> {
  const { asks, door, traffic } = parts
  const { routes } = parts.configNow()
  const tag = tagOf(wish.number * SDK_TRIES_MAX + earlier)
  const ask = { ...wish.agreed, tag }
  const { dialect, model, isStream, promptBytes, timeoutMs, leavesAfterMs } = wish
  asks.set(tag, ask)
  const asking = {
    exchangeId: `req_${tag}`,
    tag,
    dialect,
    request: writeAsk({ ask, dialect, model, isStream, promptBytes }),
    headers: {
      'x-stainless-retry-count': String(earlier),
      'x-session-id': `client-${wish.client}`,
      ...(timeoutMs === undefined ? {} : { 'x-stainless-timeout': String(timeoutMs / 1_000) }),
    },
    ...(traffic.clientKey === undefined ? {} : { clientKey: traffic.clientKey }),
    priority: wish.priority,
    deadlineMs: routes.find(({ name }) => name === model)?.deadlineMs ?? DEADLINE_MS,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(leavesAfterMs === undefined ? {} : { leavesAfterMs }),
    dawdleMs: wish.dawdleMs,
  }
  return new OpenTry(asking, door).run()
}

/** How long an SDK waits before it asks again; `undefined` where it does not. */
function retryWaitMs(latest: ClientTry, triesMade: number, random: Random): number | undefined {
  if (triesMade >= SDK_TRIES_MAX || !isRetried(latest)) return undefined
  const { retryAfterMs } = latest
  if (retryAfterMs !== undefined && retryAfterMs > 0 && retryAfterMs <= OBEYED_MAX_MS) return retryAfterMs
  const backoffMs = Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** (triesMade - 1))
  return backoffMs * (1 - 0.25 * random.next())
}

function isRetried({ outcome, status, mayRetry, leftAtMs, beginByMs, begunAtMs }: ClientTry): boolean {
  const ranOutOfTime =
    outcome === 'left' && begunAtMs === undefined && (leftAtMs ?? 0) >= (beginByMs ?? Infinity)
  if (ranOutOfTime) return true
  if (outcome === 'lost') return begunAtMs === undefined
  if (outcome !== 'failed' || status === undefined) return false
  return mayRetry ?? (RETRIED_STATUSES.has(status) || status >= 500)
}
