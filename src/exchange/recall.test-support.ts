/** What the tests of recalled answers share: requests, upstream answers under the hand of the test, and readers. */

import { openaiChat } from '../dialects/openai-chat/index.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply, Settlement } from '../execution/reply.ts'
import { journalSchema } from '../journal/config-schema.ts'
import { Journal } from '../journal/journal.ts'
import type { JournalChanges, JournalRecord, JournalStore } from '../journal/journal-store.ts'
import type { AuditNote } from '../std/audit.ts'
import type { Clock } from '../std/clock.ts'
import { StopSource } from '../std/stop-signal.ts'
import { AnswerCache } from '../cache/answer-cache.ts'
import type { CachedAnswer, CacheStore, NewAnswer } from '../cache/cache-store.ts'
import { type CacheSettings, cacheSchema } from '../cache/config-schema.ts'
import { type CachedReply, cachedReplyCodec } from './cached-reply.ts'
import { createRecall, type Recall, type RecallFacts } from './recall.ts'
import type { OwnQuestions } from './own-questions.ts'

/** A journal in memory, as a store would keep it; while `away` is set it does not answer at all, or says so. */
export class FakeJournalStore implements JournalStore {
  readonly records = new Map<string, JournalRecord>()
  away: 'no' | 'silent' | 'says-so' = 'no'

  openJournals(
    records: readonly JournalRecord[],
    nowMs: number,
  ): Promise<readonly (JournalRecord | undefined)[]> {
    return this.#answer(() => records.map((record) => this.#begin(record, nowMs)))
  }

  writeJournal({ freed, begun, kept }: JournalChanges): Promise<void> {
    return this.#answer(() => {
      for (const { id, exchangeId } of freed)
        if (this.records.get(id)?.exchangeId === exchangeId) this.records.delete(id)
      for (const record of begun) this.#begin(record, record.createdAtMs)
      for (const record of kept)
        if ((this.records.get(record.id) ?? record).exchangeId === record.exchangeId)
          this.records.set(record.id, record)
    })
  }

  findJournal(id: string, nowMs: number): Promise<JournalRecord | undefined> {
    return this.#answer(() => this.#unexpired(id, nowMs))
  }

  sweepJournal(nowMs: number): Promise<number> {
    return this.#answer(() => {
      const expired = [...this.records.values()].filter(({ expiresAtMs }) => expiresAtMs <= nowMs)
      for (const { id } of expired) this.records.delete(id)
      return expired.length
    })
  }

  #begin(record: JournalRecord, nowMs: number): JournalRecord | undefined {
    const found = this.#unexpired(record.id, nowMs)
    if (found === undefined) this.records.set(record.id, record)
    return found
  }

  #unexpired(id: string, nowMs: number): JournalRecord | undefined {
    const found = this.records.get(id)
    return found !== undefined && found.expiresAtMs > nowMs ? found : undefined
  }

  async #answer<Value>(work: () => Value): Promise<Value> {
    if (this.away === 'silent') return new Promise(() => {})
    if (this.away === 'says-so') throw new Error('The store is away.')
    return work()
  }
}

/** Turns every byte over: enough to see that nothing is kept as it is; the context is bound to it. */
export const testSealer = {
  seal: (plain: Uint8Array, context: string) =>
    Buffer.concat([Buffer.from(`${context}\n`), Buffer.from(plain).map((byte) => byte ^ 0xff)]),
  open(sealed: Uint8Array, context: string): Uint8Array {
    const head = Buffer.from(`${context}\n`)
    if (!head.equals(sealed.subarray(0, head.length))) throw new Error('It was sealed for another place.')
    return Buffer.from(sealed.subarray(head.length)).map((byte) => byte ^ 0xff)
  },
}

/** A cache in memory, as a store would keep it. */
export class FakeCacheStore implements CacheStore {
  readonly entries = new Map<string, CachedAnswer>()
  readonly notes: AuditNote[] = []
  /** How often it was asked. */
  asked = 0
  /** Nothing else of the directory changes here. */
  #revision = 0
  isAway = false

  putCached({ sinceRevision, ...entry }: NewAnswer): Promise<boolean> {
    return this.#answer(() => {
      if (sinceRevision !== undefined && sinceRevision < this.#revision) return false
      this.entries.set(entry.id, entry)
      return true
    })
  }

  findCached(id: string, nowMs: number): Promise<CachedAnswer | undefined> {
    return this.#answer(() => {
      const found = this.entries.get(id)
      return found !== undefined && found.expiresAtMs > nowMs ? found : undefined
    })
  }

  findAlike(query: Parameters<CacheStore['findAlike']>[0]) {
    return this.#answer(() =>
      [...this.entries.values()]
        .filter(({ partition, expiresAtMs }) => partition === query.partition && expiresAtMs > query.nowMs)
        .map((entry) => ({ ...entry, similarity: cosine(entry.vector, query.vector) }))
        .filter(({ similarity }) => similarity >= query.similarityMin)
        .sort((left, right) => right.similarity - left.similarity)
        .slice(0, query.count),
    )
  }

  dropCached(notes: readonly AuditNote[], tenant?: string): Promise<number> {
    return this.#answer(() => {
      this.notes.push(...notes)
      this.#revision += 1
      const meant = [...this.entries.values()].filter(
        (entry) => tenant === undefined || entry.tenant === tenant,
      )
      for (const { id } of meant) this.entries.delete(id)
      return meant.length
    })
  }

  directoryRevision(): Promise<number> {
    return this.#answer(() => this.#revision)
  }

  sweepCache(): Promise<number> {
    return this.#answer(() => 0)
  }

  async #answer<Value>(work: () => Value): Promise<Value> {
    this.asked += 1
    if (this.isAway) throw new Error('The store is away.')
    return work()
  }
}

const never = () => Promise.reject(new Error('It is not asked.'))

function cosine(left: Float32Array | undefined, right: Float32Array): number {
  return left === undefined ? 0 : left.reduce((sum, value, at) => sum + value * (right[at] ?? 0), 0)
}

export interface RecallParts {
  readonly clock: Clock
  readonly store?: JournalStore
  readonly nodeId?: string | undefined
  readonly cacheStore?: CacheStore
  /** Instead of one over `cacheStore`. */
  readonly cache?: AnswerCache<CachedReply>
  readonly cacheSettings?: Partial<CacheSettings>
  readonly semantic?: Pick<OwnQuestions, 'embed'> & Partial<OwnQuestions>
}

export function cacheOver({ clock, cacheStore, cacheSettings }: RecallParts): AnswerCache<CachedReply> {
  return new AnswerCache({
    clock,
    store: cacheStore ?? new FakeCacheStore(),
    sealer: testSealer,
    settings: { ...cacheSchema.parse(undefined), ...cacheSettings },
    codec: cachedReplyCodec,
  })
}

export function recallOn(parts: RecallParts): Recall {
  const { clock, store = new FakeJournalStore(), nodeId = 'node-1', semantic } = parts
  const journalSettings = journalSchema.parse(undefined)
  const settings = { ...cacheSchema.parse(undefined), ...parts.cacheSettings }
  const cache = parts.cache ?? cacheOver(parts)
  return createRecall({
    clock,
    journal: new Journal({ clock, store, sealer: testSealer, nodeId, settings: journalSettings }),
    cache,
    cacheSettings: settings,
    ...(semantic === undefined ? {} : { questions: { verify: never, ...semantic } }),
  })
}

export interface Client {
  readonly exchange: Exchange
  /** The client closes its connection. */
  leave(): void
}

let requests = 0

export interface AskedFields {
  readonly body?: Readonly<Record<string, unknown>>
  readonly headers?: Exchange['headers']
  readonly dialect?: Dialect
}

export function client({ body = {}, headers = {}, dialect = openaiChat }: AskedFields = {}): Client {
  const bytes = Buffer.from(
    JSON.stringify({ model: 'route', messages: [{ role: 'user', content: 'hi' }], ...body }),
  )
  const signal = new StopSource()
  requests += 1
  const exchange: Exchange = {
    id: `req_${requests}`,
    dialect,
    operation: 'chat',
    envelope: dialect.peek(bytes, 'chat'),
    body: bytes,
    headers,
    arrivedAtMs: 0,
    signal,
  }
  return { exchange, leave: () => signal.stop(new GatewayError('client_gone', 'left')) }
}

/** An answer that a test makes chunk by chunk. */
export class Upstream {
  readonly reply: Reply
  readonly #settled = Promise.withResolvers<Settlement>()
  #chunks: Uint8Array[] = []
  #wake: (() => void) | undefined
  #isEnded = false
  #bodyBytes = 0
  isClosed = false

  constructor(exchange: Exchange) {
    const { signal } = exchange
    const onAbort = () => {
      const error = toGatewayError(signal.reason)
      if (error.code === 'client_gone') this.#close()
      else this.end('truncated', error)
    }
    signal.addEventListener('abort', onAbort)
    this.reply = {
      status: 200,
      contentType: 'text/event-stream; charset=utf-8',
      body: { [Symbol.asyncIterator]: () => this },
      attempts: [{ target: 'far/m', durationMs: 1 }],
      losses: [],
      settled: this.#settled.promise,
      close() {},
    }
  }

  say(text: string): void {
    this.#chunks.push(Buffer.from(text))
    this.#tell()
  }

  end(state: Settlement['state'] = 'completed', error?: GatewayError): void {
    this.#isEnded = true
    this.#settled.resolve({ state, bodyBytes: this.#bodyBytes, ...(error === undefined ? {} : { error }) })
    this.#tell()
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    for (;;) {
      const value = this.#chunks.shift()
      if (this.isClosed) return { done: true, value: undefined }
      if (value !== undefined) {
        this.#bodyBytes += value.length
        return { done: false, value }
      }
      if (this.#isEnded) return { done: true, value: undefined }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    this.#close()
    return { done: true, value: undefined }
  }

  #close(): void {
    if (this.#isEnded && this.#chunks.length === 0) return
    this.isClosed = true
    this.#settled.resolve({ state: 'client_gone', bodyBytes: this.#bodyBytes })
    this.#tell()
  }

  #tell(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}

/** What a client gets, as a server would write it. */
export interface Received {
  readonly reply: Reply
  /** Everything up to the end. Rejects with what the body throws. */
  readonly text: Promise<string>
}

export function receive(reply: Reply): Received {
  return { reply, text: readAll(reply) }
}

async function readAll({ body, close }: Reply): Promise<string> {
  if (body instanceof Uint8Array) {
    close(true)
    return Buffer.from(body).toString()
  }
  let text = ''
  for await (const chunk of body) text += Buffer.from(chunk).toString()
  return text
}

/** Serves requests as the story does, counting how often a provider is asked. */
export class Story {
  readonly #recall: Recall
  readonly #execute: (exchange: Exchange) => Promise<Reply>
  executions = 0

  constructor(recall: Recall, execute: (exchange: Exchange) => Promise<Reply>) {
    this.#recall = recall
    this.#execute = execute
  }

  async serve(exchange: Exchange, facts: RecallFacts): Promise<Reply> {
    const step = await this.#recall.begin(exchange, facts)
    if (step.type !== 'run') return step.reply
    let reply: Reply
    try {
      this.executions += 1
      reply = await this.#execute(step.exchange)
    } catch (error) {
      step.failed(error)
      throw error
    }
    return step.watch(reply)
  }
}

export function plainReply(text: string, changed: Partial<Reply> = {}): Reply {
  const settled = Promise.withResolvers<Settlement>()
  return {
    status: 200,
    contentType: 'application/json',
    body: Buffer.from(text),
    attempts: [{ target: 'far/m', durationMs: 1 }],
    losses: [],
    settled: settled.promise,
    close: (isTaken) =>
      settled.resolve({ state: isTaken ? 'completed' : 'client_gone', bodyBytes: text.length }),
    ...changed,
  }
}
