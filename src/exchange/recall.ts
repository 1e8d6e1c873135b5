/**
 * Whether an answer need be made at all: one that was made, or is being made, for the same request is given instead. It
 * stands between the plan and its execution.
 */

import type { AnswerCache } from '../cache/answer-cache.ts'
import { decideCache } from '../cache/cache-control.ts'
import type { CacheSettings } from '../cache/config-schema.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'
import type { Journal } from '../journal/journal.ts'
import type { Clock } from '../std/clock.ts'
import type { CachedReply } from './cached-reply.ts'
import type { LiveMemory } from './live-answer.ts'
import { createOwnQuestions, type OwnQuestions } from './own-questions.ts'
import { type CachedFacts, CachedRecall, notCached } from './recall-cached.ts'
import { KeyedRecall } from './recall-keyed.ts'
import type { RecallOwner, RecallStep } from './recall-step.ts'
import { createSemanticSearch } from './semantic-search.ts'

/** What is known of a request besides what it says: whose it is, who may answer it, what its route caches. */
export type RecallFacts = CachedFacts

export interface Recall {
  /** Throws GatewayError where the request may neither be answered again nor be made. */
  begin(exchange: Exchange, facts: RecallFacts): RecallStep | Promise<RecallStep>
  /** Whether a request of this one's key is being answered here. Throws as `begin` does. */
  isUnderWay(exchange: Exchange, owner: RecallOwner): boolean
  /** As `begin`, and begins nothing: resolves with `undefined` where none of its key is under way or was answered. */
  join(exchange: Exchange, facts: RecallFacts): Promise<RecallStep | undefined>
  /** Ends every run that is under way, and the sweeping. */
  stop(reason: unknown): void
  /** Runs that others may join, and bytes of those that stream. */
  readonly load: { readonly running: number; readonly bytes: number }
}

export interface RecallRooms {
  readonly clock: Clock
  readonly journal: Journal
  readonly cache: AnswerCache<CachedReply>
  readonly cacheSettings: Pick<CacheSettings, 'onRequest'>
  /** Instead of requests of our own; for tests. */
  readonly questions?: OwnQuestions
  /** How often what expired is removed, ms; absent: never. */
  readonly sweepEveryMs?: number
}

export function createRecall(rooms: RecallRooms): Recall {
  const { clock, journal, cache, cacheSettings, questions = createOwnQuestions(clock), sweepEveryMs } = rooms
  const memory: LiveMemory = { bytes: 0 }
  /** A key promises one answer for one request; the cache promises nothing of the kind, and is left out. */
  const asksCache = ({ headers }: Exchange, { cache: ofRoute }: RecallFacts): boolean => {
    const use = decideCache(headers, ofRoute, cacheSettings)
    if (use.type === 'missing' || (use.type === 'use' && use.mode === 'only'))
      throw notCached('idempotency-key')
    return use.type !== 'none'
  }
  const semantic = createSemanticSearch({ clock, cache, questions })
  const keyed = new KeyedRecall({ clock, journal, memory })
  const cached = new CachedRecall({ clock, cache, settings: cacheSettings, memory, semantic })
  if (sweepEveryMs !== undefined) for (const room of [journal, cache]) room.start(sweepEveryMs)
  return {
    begin(exchange, facts) {
      const id = keyed.idOf(exchange, facts.owner)
      if (id === undefined) return cached.begin(exchange, facts)
      // Before anything is begun under the key: it throws where a header makes no sense.
      const isCached = asksCache(exchange, facts)
      const step = keyed.begin(exchange, id)
      return isCached ? step.then(markBypassed) : step
    },
    isUnderWay(exchange, owner) {
      const id = keyed.idOf(exchange, owner)
      return id !== undefined && keyed.isUnderWay(id)
    },
    async join(exchange, facts) {
      const id = keyed.idOf(exchange, facts.owner)
      if (id === undefined) return undefined
      const isCached = asksCache(exchange, facts)
      const step = await keyed.join(exchange, id)
      return step !== undefined && isCached ? markBypassed(step) : step
    },
    stop(reason) {
      keyed.stop(reason)
      cached.stop(reason)
      journal.stop()
      cache.stop()
    },
    get load() {
      return { running: keyed.size + cached.size, bytes: memory.bytes }
    },
  }
}

function markBypassed(step: RecallStep): RecallStep {
  switch (step.type) {
    case 'replay':
      return { ...step, reply: withBypass(step.reply) }
    case 'attach':
      return { ...step, reply: step.reply.then(withBypass) }
    case 'run':
      return { ...step, watch: async (reply) => withBypass(await step.watch(reply)) }
  }
}

function withBypass(reply: Reply): Reply {
  const told = ['x-holdfast-cache', 'BYPASS', 'x-holdfast-cache-reason', 'idempotency-key']
  return { ...reply, headers: [...(reply.headers ?? []), ...told] }
}
