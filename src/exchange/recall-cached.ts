/**
 * Requests that may be answered from the cache: from what is kept for the same request, from an answer to it that is being
 * made, or, where the route says so, from the answer to a question that asks the same in other words.
 */

import type { AnswerCache, CacheEntry } from '../cache/answer-cache.ts'
import { type CacheDecision, decideCache } from '../cache/cache-control.ts'
import type { CachePolicy, CacheSettings } from '../cache/config-schema.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply, ReplyRecall, Settlement } from '../execution/reply.ts'
import type { Clock } from '../std/clock.ts'
import { UnderWay } from '../std/under-way.ts'
import { answerForm } from './answer-form.ts'
import { CacheIdentities } from './cache-identity.ts'
import type { CachedReply } from './cached-reply.ts'
import { isSound, isWholeAnswer, whyUncacheable } from './cacheable.ts'
import { type GivenAgain, keptOf, replyOfKept } from './kept-reply.ts'
import { LIVE_BYTES_MAX, LiveAnswer, type LiveMemory } from './live-answer.ts'
import { type RecallStep, runAlone } from './recall-step.ts'
import { readAnswer, type SaidAnswer, sayAgain } from './say-again.ts'
import type { SemanticFacts, SemanticMatch, SemanticSearch } from './semantic-search.ts'
import { replyOfRunner, replyOfSharer } from './shared-reply.ts'
import { type Presence, SharedRun } from './shared-run.ts'

export interface CachedFacts extends SemanticFacts {
  /** What the route says; `undefined`: nothing unless the request asks. */
  readonly cache?: CachePolicy | undefined
}

export interface CachedRooms {
  readonly clock: Clock
  readonly cache: AnswerCache<CachedReply>
  readonly settings: Pick<CacheSettings, 'onRequest'>
  readonly memory: LiveMemory
  readonly semantic: SemanticSearch
}

type Use = Extract<CacheDecision, { type: 'use' }>

interface Asked {
  readonly exchange: Exchange
  readonly facts: CachedFacts
  readonly use: Use
  readonly id: string
  /** Of the cache, when it was asked for: by this it is known whether this process has removed something since. */
  readonly generation: number
  /** Of the cache, when it was asked for: by this the store knows whether any process has. */
  readonly sinceRevision: number
}

export class CachedRecall {
  readonly #rooms: CachedRooms
  readonly #identities = new CacheIdentities()
  readonly #runs = new UnderWay<string, SharedRun>()
  /** Those of them for which nothing was found, so that their answers are made now, by id and form. */
  readonly #making = new UnderWay<string, SharedRun>()

  constructor(rooms: CachedRooms) {
    this.#rooms = rooms
  }

  /** Runs that others may join. */
  get size(): number {
    return this.#runs.size
  }

  /** Throws `not_cached` where the client wants no other answer than a kept one. */
  begin(exchange: Exchange, facts: CachedFacts): RecallStep | Promise<RecallStep> {
    const use = decideCache(exchange.headers, facts.cache, this.#rooms.settings)
    if (use.type === 'none') return runAlone(exchange)
    if (use.type === 'missing') throw notCached('no-cache')
    if (use.type === 'bypass') return runMarked(exchange, bypassed(use.reason))
    const reason = whyUncacheable(exchange)
    const id = reason === undefined ? this.#identities.of(exchange, facts) : undefined
    if (id !== undefined) {
      const { generation, revision: sinceRevision } = this.#rooms.cache
      return this.#begin({ exchange, facts, use, id, generation, sinceRevision })
    }
    if (use.mode === 'only') throw notCached('never-kept')
    return runMarked(exchange, bypassed(reason ?? 'body'))
  }

  /** Ends all that is under way. */
  stop(reason: unknown): void {
    for (const run of this.#runs.list()) run.stop(reason)
  }

  #begin(asked: Asked): RecallStep | Promise<RecallStep> {
    const { use, id, exchange } = asked
    if (use.mode === 'refresh')
      return this.#runStep(begun(this.#privateRun(), exchange), asked, { reason: 'refresh' })
    const held = this.#rooms.cache.recall(id)
    const hit = held && this.#hit(held, asked)
    if (hit !== undefined) return hit
    const names = namesOf(asked)
    const running = this.#runs.get(names.run)
    if (running?.isJoinable === true) return this.#attach(running, exchange)
    const making = this.#making.get(names.making)
    if (making?.isJoinable === true) return this.#attach(making, exchange)
    const isShared = running === undefined && this.#rooms.memory.bytes <= LIVE_BYTES_MAX
    const run = isShared && use.mode !== 'only' ? this.#openRun(names) : this.#privateRun()
    return this.#lookUp(begun(run, exchange), asked, names)
  }

  #openRun(names: RunNames): SharedRun {
    const run: SharedRun = new SharedRun({
      isDurable: false,
      onClosed: () => {
        if (this.#runs.get(names.run) === run) this.#runs.delete(names.run)
        if (this.#making.get(names.making) === run) this.#making.delete(names.making)
      },
    })
    this.#runs.set(names.run, run)
    return run
  }

  #privateRun(): SharedRun {
    return new SharedRun({ isDurable: false, onClosed() {} })
  }

  /** In the store, then among those alike; else it must be made. */
  async #lookUp(begun: Begun, asked: Asked, names: RunNames): Promise<RecallStep> {
    const { exchange, id, use, facts } = asked
    try {
      const found = await this.#rooms.cache.find(id)
      const hit = found && this.#hit(found, asked, begun)
      if (hit !== undefined) return hit
      // Before questions are compared: that asks a provider for an embedding.
      if (use.mode === 'only') throw notCached(facts.cache === undefined ? 'no-cache' : 'not-kept')
      const match = use.semantic && (await this.#rooms.semantic.find(exchange, facts, use.semantic))
      const alike = match?.entry && this.#hit(match.entry, asked, begun, match)
      if (alike !== undefined) return alike
      // One that looked for a kept answer of another age at the same time found none either, and was first.
      const making = this.#making.get(names.making)
      if (making?.isJoinable === true && begun.run.isAlone) {
        begun.presence.leave()
        return this.#attach(making, exchange)
      }
      this.#noteMaking(begun.run, names)
      return this.#runStep(begun, asked, match === undefined ? {} : { match })
    } catch (error) {
      begun.run.fails(error)
      begun.presence.leave()
      throw error
    }
  }

  /** From here on it ends with an answer that is young enough for everybody. A run of its own is not there, and not joined. */
  #noteMaking(run: SharedRun, names: RunNames): void {
    if (this.#runs.get(names.run) !== run) return
    if (this.#making.get(names.making)?.isJoinable !== true) this.#making.set(names.making, run)
  }

  #attach(run: SharedRun, exchange: Exchange): RecallStep {
    const again = ({ exchangeId }: { readonly exchangeId: string }): GivenAgain =>
      givenAgain('coalesced', exchangeId, ['x-holdfast-cache-reason', 'coalesced', 'age', '0'])
    return {
      type: 'attach',
      reply: run.attach(exchange, (outcome, presence) =>
        replyOfSharer(outcome, exchange, { presence, again }),
      ),
    }
  }

  /** `undefined` where the answer is too old for this request, or cannot be said as it wants it. */
  #hit(
    entry: CacheEntry<CachedReply>,
    { exchange, use }: Asked,
    begun?: Begun,
    match?: SemanticMatch,
  ): RecallStep | undefined {
    const ageMs = Math.max(0, this.#rooms.clock.wallMs() - entry.createdAtMs)
    if (use.maxAgeMs !== undefined && ageMs > use.maxAgeMs) return undefined
    const said = this.#sayAs(entry, exchange)
    if (said === undefined) return undefined
    const kept = { ...entry.value.kept, contentType: said.contentType, body: said.body }
    begun?.run.ends(kept)
    begun?.presence.leave()
    const ageS = Math.floor(ageMs / 1_000)
    const alike =
      match === undefined
        ? []
        : ['x-holdfast-cache-reason', 'alike', 'x-holdfast-cache-similarity', match.similarity.toFixed(4)]
    const again = givenAgain('hit', kept.exchangeId, ['age', String(ageS), ...alike])
    return { type: 'replay', reply: replyOfKept(kept, again) }
  }

  #sayAs(entry: CacheEntry<CachedReply>, exchange: Exchange): SaidAnswer | undefined {
    const { kept, forms } = entry.value
    const form = answerForm(exchange.envelope)
    if (kept.form === form) return kept
    const known = forms.get(form)
    if (known !== undefined) return known
    const said = sayAgain(kept, exchange)
    if (said === undefined) return undefined
    forms.set(form, said)
    this.#rooms.cache.weighAgain(entry)
    return said
  }

  #runStep(
    { run, presence }: Begun,
    asked: Asked,
    { reason, match }: { readonly reason?: string; readonly match?: SemanticMatch },
  ): RecallStep {
    const { exchange } = asked
    const headers = [
      'x-holdfast-cache',
      'MISS',
      ...(reason === undefined ? [] : ['x-holdfast-cache-reason', reason]),
    ]
    return {
      type: 'run',
      exchange: { ...exchange, signal: run.signal },
      watch: async (reply) => {
        const { body } = reply
        if (!(body instanceof Uint8Array)) {
          const live = this.#liveAnswer({ ...reply, body }, asked, match)
          const told = replyOfRunner(live, exchange, {
            presence,
            headers: [...(reply.headers ?? []), ...headers],
          })
          run.goesOn(live)
          return told
        }
        this.#keep(reply, { body, settlement: WHOLE }, asked, match)
        run.ends(keptOf(reply, { exchange, body, createdAtMs: this.#rooms.clock.wallMs() }))
        presence.leave()
        return { ...reply, headers: [...(reply.headers ?? []), ...headers] }
      },
      failed: (error) => {
        run.fails(error)
        presence.leave()
      },
    }
  }

  #liveAnswer(
    reply: Reply & { readonly body: AsyncIterable<Uint8Array> },
    asked: Asked,
    match: SemanticMatch | undefined,
  ): LiveAnswer {
    const { cache, memory } = this.#rooms
    return new LiveAnswer({
      reply,
      exchangeId: asked.exchange.id,
      memory,
      bytesMax: cache.answerBytesMax,
      isDurable: false,
      onEnd: ({ body, failure, settlement }) => {
        if (body !== undefined && failure === undefined) this.#keep(reply, { body, settlement }, asked, match)
      },
    })
  }

  /** Keeps what may be given again; everything else is forgotten. */
  #keep(
    reply: Reply,
    {
      body,
      settlement,
    }: { readonly body: Uint8Array; readonly settlement: Pick<Settlement, 'state' | 'usage'> },
    { exchange, facts, id, use, generation, sinceRevision }: Asked,
    match: SemanticMatch | undefined,
  ): void {
    const { cache, clock } = this.#rooms
    if (body.length > cache.answerBytesMax || !isSound(reply, settlement.state)) return
    // Whoever empties the cache does not want to find in it what was being made then.
    if (generation !== cache.generation) return
    const createdAtMs = clock.wallMs()
    const kept = keptOf(reply, { exchange, body, createdAtMs })
    const isChat = exchange.operation === 'chat'
    const result = isChat ? readAnswer(exchange.dialect, kept, exchange.envelope.candidateCount) : undefined
    if (isChat && (result === undefined || !isWholeAnswer(result))) return
    const usage = settlement.usage ?? result?.usage
    const question = match?.place === undefined ? undefined : match.question
    const value: CachedReply = {
      kept: {
        ...kept,
        ...(usage === undefined ? {} : { usage }),
        ...(question === undefined ? {} : { question }),
      },
      forms: new Map(),
    }
    const expiresAtMs = createdAtMs + use.ttlMs
    const entry = { id, tenant: facts.owner.tenant, createdAtMs, expiresAtMs, value }
    cache.put(entry, { sinceRevision, place: match?.place })
  }
}

/** By what runs are found that a request may join. */
interface RunNames {
  /**
   * Of what is made now. A stream and a whole are not made of one another. Whoever comes after the cache was emptied joins no
   * run from before: he would get one of the answers that nobody wants any more.
   */
  readonly making: string
  /**
   * By the age too: while it is still looked for, a run may end with an answer that was kept, and would be too old for who asks
   * for a younger one.
   */
  readonly run: string
}

function namesOf({ id, exchange, generation, use: { maxAgeMs } }: Asked): RunNames {
  const making = `${id}/${answerForm(exchange.envelope)}/${generation}`
  return { making, run: maxAgeMs === undefined ? making : `${making}/${maxAgeMs}` }
}

/** A run, and the part in it of the request that it is made for. */
interface Begun {
  readonly run: SharedRun
  readonly presence: Presence
}

/** Whoever begins a run is there from its start: those who join it may leave before anything is found. */
function begun(run: SharedRun, exchange: Exchange): Begun {
  return { run, presence: run.join(exchange) }
}

/** A whole body is whole whether its client takes it or not. */
const WHOLE = { state: 'completed' } as const

function givenAgain(recall: ReplyRecall, exchangeId: string, headers: readonly string[]): GivenAgain {
  return {
    recall,
    headers: ['x-holdfast-cache', 'HIT', 'x-holdfast-original-request-id', exchangeId, ...headers],
  }
}

function bypassed(reason: string): readonly string[] {
  return ['x-holdfast-cache', 'BYPASS', 'x-holdfast-cache-reason', reason]
}

/** Made as ever; only its headers say that a cache was spoken of. */
function runMarked(exchange: Exchange, headers: readonly string[]): RecallStep {
  return {
    ...runAlone(exchange),
    watch: (reply) => Promise.resolve({ ...reply, headers: [...(reply.headers ?? []), ...headers] }),
  }
}

type WhyNotCached = 'not-kept' | 'no-cache' | 'never-kept' | 'idempotency-key'

const WHY_NOT_CACHED: Readonly<Record<WhyNotCached, string>> = {
  'not-kept': 'No answer to this request is kept.',
  'no-cache':
    'No answer to this request is kept: its route has no cache. Write "cache: true" under the route, or under cache: "default: true", to switch it on; where cache.onRequest lets requests ask, x-holdfast-cache: on keeps the answer to one.',
  'never-kept': 'Answers to requests like this one are never kept.',
  'idempotency-key':
    'Answers to requests with an Idempotency-Key are not in the cache: send it without the key, or without asking for a kept answer alone.',
}

/** Whoever wants a kept answer or none is never answered by a provider. */
export function notCached(why: WhyNotCached): GatewayError {
  return new GatewayError(
    'not_cached',
    `${WHY_NOT_CACHED[why]} No other was wanted (x-holdfast-cache: only, or cache-control: only-if-cached), so no provider was asked.`,
    { param: 'x-holdfast-cache' },
  )
}
