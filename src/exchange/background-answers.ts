/**
 * Answers that nobody waits for: each is made by a request of our own, cut off from its client, and kept with its events
 * so that the client can come back, read along from any event on, or cancel. They live in this process: when it ends, so
 * do they.
 */

import { CACHE_HEADER } from '../cache/cache-control.ts'
import type { ConversationFace, PendingAnswer } from '../dialects/dialect.ts'
import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'
import { IDEMPOTENCY_HEADER } from '../journal/idempotency-key.ts'
import type { ResponseStore } from '../archive/response-store.ts'
import type { Owner } from '../archive/stored-response.ts'
import type { Clock } from '../std/clock.ts'
import type { IdSource } from '../std/ids.ts'
import type { JsonObject } from '../std/json.ts'
import { StopSource } from '../std/stop-signal.ts'
import { SseParser } from '../wire/sse.ts'
import { EventLog } from './event-log.ts'
import { answerKeeper } from './keep-answer.ts'
import { DURABLE_HEADER, RESUME_HEADERS } from './numbered-events.ts'

/** Ended answers whose events are still kept; the oldest make room. */
export const EVENT_LOGS_MAX = 1_000
/** Bytes of the events of all ended answers together. */
export const EVENT_LOGS_BYTES_MAX = 64 * 1_048_576

/** Serves a request of our own as if a client had sent it. */
export type ServeDetached = (exchange: Exchange) => Promise<Reply>

export interface BackgroundAnswers {
  /** Begins one, and answers its client at once: with the answer as it stands, or with its events as they come. */
  start(exchange: Exchange, owner: Owner, serve: ServeDetached): Reply
  /**
   * The events after `sequence`, up to the end of the answer; `undefined` where they are not kept. Throws `invalid_request`
   * where there is no event of that number.
   */
  follow(id: string, owner: Owner, sequence: number): AsyncIterable<Uint8Array> | undefined
  cancel(id: string, owner: Owner): void
  /** Ends it where it is being made, and gives its events up. */
  forget(id: string, owner: Owner): void
  /** Ends all that are being made. */
  stop(): void
}

export interface BackgroundRooms {
  readonly clock: Clock
  readonly ids: IdSource
  readonly responses: ResponseStore
}

export function createBackgroundAnswers(rooms: BackgroundRooms): BackgroundAnswers {
  return new RunningAnswers(rooms)
}

class RunningAnswers implements BackgroundAnswers {
  readonly #rooms: BackgroundRooms
  readonly #runs = new Map<string, BackgroundRun>()

  constructor(rooms: BackgroundRooms) {
    this.#rooms = rooms
  }

  start(exchange: Exchange, owner: Owner, serve: ServeDetached): Reply {
    const { conversation } = exchange.dialect
    if (conversation === undefined) throw new GatewayError('not_supported', 'There is no background here.')
    const id = this.#rooms.ids.next('resp_')
    const run = new BackgroundRun({ ...this.#rooms, exchange, conversation, owner, id })
    this.#runs.set(keyOf(id, owner), run)
    void run.run(serve).then(() => this.#makeRoom())
    if (exchange.envelope.stream)
      return { ...REPLY, contentType: 'text/event-stream; charset=utf-8', body: run.events.follow(-1) }
    return { ...REPLY, contentType: 'application/json', body: Buffer.from(JSON.stringify(run.answer)) }
  }

  follow(id: string, owner: Owner, sequence: number): AsyncIterable<Uint8Array> | undefined {
    const events = this.#runs.get(keyOf(id, owner))?.events
    if (events !== undefined && sequence >= events.nextSequence) throw beyondLast(sequence, events)
    return events?.follow(sequence)
  }

  cancel(id: string, owner: Owner): void {
    this.#runs.get(keyOf(id, owner))?.cancel()
  }

  forget(id: string, owner: Owner): void {
    this.cancel(id, owner)
    this.#runs.delete(keyOf(id, owner))
  }

  stop(): void {
    for (const run of this.#runs.values()) run.stop()
  }

  #makeRoom(): void {
    const ended = [...this.#runs].filter(([, run]) => run.events.hasEnded)
    let bytes = ended.reduce((sum, [, run]) => sum + run.events.bytes, 0)
    let count = ended.length
    for (const [key, run] of ended) {
      if (count <= EVENT_LOGS_MAX && bytes <= EVENT_LOGS_BYTES_MAX) return
      this.#runs.delete(key)
      count -= 1
      bytes -= run.events.bytes
    }
  }
}

interface RunInit extends BackgroundRooms {
  readonly exchange: Exchange
  readonly conversation: ConversationFace
  readonly owner: Owner
  readonly id: string
}

class BackgroundRun {
  readonly events = new EventLog()
  readonly #init: RunInit
  readonly #stopping = new StopSource()
  readonly #keep: (answer: JsonObject) => void
  /** The request as it is served: a stream, whatever was asked, with bytes of its own. */
  readonly #detached: Exchange
  #answer: JsonObject

  constructor(init: RunInit) {
    const { exchange, conversation, owner, id, responses } = init
    this.#init = init
    this.#answer = conversation.pendingAnswer(pendingInit(init))
    const references = conversation.readReferences(exchange.body, exchange.envelope)
    const keep = answerKeeper({ exchange, conversation, references, owner }, responses)
    const keepHere = (answer: JsonObject) => keep(answer, id)
    this.#keep = keepHere
    this.#detached = detach(exchange, this.#stopping)
    this.#keep(this.#answer)
  }

  /** As it stands. */
  get answer(): JsonObject {
    return this.#answer
  }

  /** Never rejects. */
  async run(serve: ServeDetached): Promise<void> {
    try {
      const reply = await serve(this.#detached)
      await this.#takeAll(reply)
      this.#fail(brokenOff())
    } catch (thrown) {
      this.#fail(toGatewayError(thrown))
    }
    this.events.end()
  }

  /** Nothing that came said how it ends: without a last event its readers would take it for whole, or for nothing at all. */
  #fail(error: GatewayError): void {
    if (this.#hasEnded) return
    this.#end(this.#failed(error))
    const { conversation } = this.#init
    for (const event of conversation.failedEvents(this.#answer, this.events.nextSequence))
      this.events.add(event)
  }

  cancel(): void {
    const cancelled = this.#init.conversation.endedAnswer(this.#answer, 'cancelled')
    this.#cut(cancelled, new GatewayError('client_gone', 'The response was cancelled.'))
  }

  /** We ourselves end. */
  stop(): void {
    const error = new GatewayError('gateway_shutting_down', 'The gateway is shutting down.')
    this.#cut(this.#failed(error), error)
    this.events.end(error)
  }

  #cut(answer: JsonObject, reason: GatewayError): void {
    if (this.#hasEnded) return
    this.#end(answer)
    this.#stopping.stop(reason)
  }

  #failed(error: GatewayError): JsonObject {
    const { conversation, exchange } = this.#init
    return conversation.endedAnswer(this.#answer, { error, requestId: exchange.id })
  }

  get #hasEnded(): boolean {
    const status = this.#answer['status']
    return status !== 'queued' && status !== 'in_progress'
  }

  /** Whoever carries a reply out says how that ended: its place among the requests in flight is given back then. */
  async #takeAll(reply: Reply): Promise<void> {
    const chunks = reply.body instanceof Uint8Array ? [reply.body] : reply.body
    const parser = new SseParser()
    let isTaken = false
    try {
      for await (const chunk of chunks) for (const event of parser.read(chunk)) this.#take(event)
      for (const event of parser.end()) this.#take(event)
      isTaken = true
    } finally {
      reply.close(isTaken)
    }
  }

  #take(event: { name: string; data: string }): void {
    // What still comes of an answer that was cancelled does not bring it back.
    if (this.#hasEnded) return
    const { conversation, id } = this.#init
    const renamed = conversation.renamedEvent(event.data, id)
    if (renamed !== undefined) this.events.add(renamed)
    const answer = conversation.wholeAnswer(event)
    if (answer !== undefined) this.#end({ ...answer, id })
    else if (this.#answer['status'] === 'queued') this.#becomes({ ...this.#answer, status: 'in_progress' })
  }

  #end(answer: JsonObject): void {
    this.#becomes({ ...answer, background: true })
  }

  #becomes(answer: JsonObject): void {
    this.#answer = answer
    this.#keep(answer)
  }
}

function pendingInit({ exchange, clock, id }: RunInit): PendingAnswer {
  return {
    id,
    createdAtS: Math.floor(clock.wallMs() / 1_000),
    modelId: exchange.envelope.modelId,
    echo: exchange.dialect.readEcho?.(exchange.body) ?? {},
  }
}

function detach(exchange: Exchange, signal: StopSource): Exchange {
  const { dialect, envelope, operation, named } = exchange
  const body = dialect.patchRequest(exchange.body, envelope, { modelId: envelope.modelId, stream: true })
  const headers = withoutKey(exchange.headers)
  return { ...exchange, headers, body, envelope: dialect.peek(body, operation, named), signal }
}

/**
 * A key stands for what its client is told: what is made under one is made to its end, and could not be cancelled. The
 * numbers of events go with it: they are those of what the client is told.
 */
function withoutKey(headers: Exchange['headers']): Exchange['headers'] {
  if (headers[IDEMPOTENCY_HEADER] === undefined) return headers
  // The cache is nothing to a request with a key, in the background or not.
  const detached: Record<string, Exchange['headers'][string]> = { ...headers, [CACHE_HEADER]: 'off' }
  for (const name of [IDEMPOTENCY_HEADER, DURABLE_HEADER, ...RESUME_HEADERS]) delete detached[name]
  return detached
}

/** What the client of a background answer gets: nobody made it yet, and the request of our own settles. */
const REPLY: Omit<Reply, 'body' | 'contentType'> = {
  status: 200,
  attempts: [],
  losses: [],
  close() {},
  settled: Promise.resolve({ state: 'completed', bodyBytes: 0 }),
}

function brokenOff(): GatewayError {
  return new GatewayError('upstream_truncated', 'The answer ended before it was whole.')
}

/** Nobody has an event that was not made yet: the number is of another response. */
function beyondLast(sequence: number, { nextSequence, hasEnded }: EventLog): GatewayError {
  const last = nextSequence === 0 ? 'no event' : `no event after number ${nextSequence - 1}`
  return new GatewayError(
    'invalid_request',
    `This response has ${last}${hasEnded ? '' : ' yet'}, so that a client which has number ${sequence} has read another one; without starting_after it is given from its beginning.`,
    { param: 'starting_after' },
  )
}

function keyOf(id: string, owner: Owner): string {
  return `${owner ?? ''}\n${id}`
}
