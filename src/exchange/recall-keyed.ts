/**
 * Requests with an `Idempotency-Key`: answered once, paid for once. The first one is run, to its end even where its client
 * leaves; others of the same key share its answer while it is made, and are given it again afterwards, byte by byte.
 */

import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'
import { journalId, readIdempotencyKey } from '../journal/idempotency-key.ts'
import { type Journal, type JournalEntry, mismatch } from '../journal/journal.ts'
import type { Clock } from '../std/clock.ts'
import { UnderWay } from '../std/under-way.ts'
import { decodeKept, encodeKept, type GivenAgain, keptOf, type KeptReply, replyOfKept } from './kept-reply.ts'
import { type EndedAnswer, LIVE_BYTES_MAX, LiveAnswer, type LiveMemory } from './live-answer.ts'
import { mayHaveCost } from './may-have-cost.ts'
import {
  type EventView,
  readEventView,
  refuseEventsBeyond,
  refuseEventsWithoutKey,
  viewEvents,
} from './numbered-events.ts'
import type { RecallOwner, RecallStep } from './recall-step.ts'
import { hashRequest } from './request-hash.ts'
import { replyOfRunner, replyOfSharer } from './shared-reply.ts'
import { SharedRun } from './shared-run.ts'

export interface KeyedRooms {
  readonly clock: Clock
  readonly journal: Journal
  readonly memory: LiveMemory
}

interface KeyedRun {
  readonly run: SharedRun
  readonly entry: JournalEntry
  /** The journal said that the key is its own; until then it may be another request's. */
  readonly isClaimed: boolean
}

export class KeyedRecall {
  readonly #rooms: KeyedRooms
  readonly #runs = new UnderWay<string, KeyedRun>()

  constructor(rooms: KeyedRooms) {
    this.#rooms = rooms
  }

  /** Runs under way. */
  get size(): number {
    return this.#runs.size
  }

  /** What its key is in the journal; `undefined` where the request has none. Throws `invalid_request`, also where what is asked needs one. */
  idOf(exchange: Exchange, owner: RecallOwner): string | undefined {
    if (!isMade(exchange)) return undefined
    const key = readIdempotencyKey(exchange.headers)
    if (key !== undefined) return journalId(owner, key)
    refuseEventsWithoutKey(exchange)
    return undefined
  }

  /**
   * `id`: from `idOf`. Rejects with what the journal says against it. Of a run, `watch` or `failed` must be called,
   * whatever happens: others wait for it.
   */
  async begin(exchange: Exchange, id: string): Promise<RecallStep> {
    const asked = await askedOf(exchange, id)
    const { view } = asked
    const running = this.#runs.get(id)
    if (running !== undefined) return this.#join(running, asked)
    if (view !== undefined && view.after > 0) return this.#resume(asked)
    if (this.#rooms.memory.bytes > LIVE_BYTES_MAX) throw tooManyLive()
    return this.#run(asked)
  }

  isUnderWay(id: string): boolean {
    return this.#runs.get(id) !== undefined
  }

  /** As `begin` where one of this id is under way or was answered; `undefined` where one would have to be made. */
  async join(exchange: Exchange, id: string): Promise<RecallStep | undefined> {
    const asked = await askedOf(exchange, id)
    const running = this.#runs.get(id)
    if (running !== undefined) return this.#join(running, asked)
    // It may have ended while the request was read.
    return this.#replayKept(asked)
  }

  /** Ends all that is under way. */
  stop(reason: unknown): void {
    for (const { run } of this.#runs.list()) run.stop(reason)
  }

  /** Where one that asks for something else only came first, the key may be that of this request all the same. */
  async #join(running: KeyedRun, asked: Asked): Promise<RecallStep> {
    if (running.entry.requestHash === asked.entry.requestHash) return attach(running, asked)
    const step = running.isClaimed ? undefined : await this.#replayKept(asked)
    if (step === undefined) throw mismatch(running.entry.exchangeId)
    return step
  }

  /** A client that has a part of an answer never gets the rest of another one. */
  async #resume(asked: Asked): Promise<RecallStep> {
    const step = await this.#replayKept(asked)
    if (step === undefined) throw nothingToResume()
    return step
  }

  /** `undefined` where nothing is kept under the key. */
  async #replayKept({ entry, view }: Asked): Promise<RecallStep | undefined> {
    const kept = await this.#rooms.journal.find(entry)
    return kept === undefined ? undefined : replay(readKept(kept.answer, kept.exchangeId), view)
  }

  async #run(asked: Asked): Promise<RecallStep> {
    const { entry, view } = asked
    const run = new SharedRun({ isDurable: true, onClosed: () => this.#runs.delete(entry.id) })
    // Before anything is waited for: the next one with this key must find it.
    this.#runs.set(entry.id, { run, entry, isClaimed: false })
    try {
      const found = await this.#rooms.journal.begin(entry)
      if (found === undefined) {
        this.#runs.set(entry.id, { run, entry, isClaimed: true })
        return this.#runStep(run, asked)
      }
      const kept = readKept(found.answer, found.exchangeId)
      run.ends(kept)
      return replay(kept, view)
    } catch (error) {
      run.fails(error)
      throw error
    }
  }

  #runStep(run: SharedRun, { exchange, entry, view }: Asked): RecallStep {
    const { journal, clock } = this.#rooms
    const presence = run.join(exchange)
    return {
      type: 'run',
      exchange: { ...exchange, signal: run.signal },
      watch: async (reply) => {
        const { body } = reply
        if (!(body instanceof Uint8Array)) {
          const live = this.#liveAnswer({ ...reply, body }, exchange, entry)
          const told = replyOfRunner(live, exchange, { presence, headers: [] })
          run.goesOn(live)
          return viewEvents(told, view)
        }
        presence.leave()
        const kept = keptOf(reply, { exchange, body, createdAtMs: clock.wallMs() })
        await journal.keep(entry, encodeKept(kept))
        run.ends(kept)
        return viewEvents(reply, view)
      },
      failed: (thrown, isPaid) => {
        const error = toGatewayError(thrown)
        presence.leave()
        try {
          this.#fails(error, { exchange, entry, isPaid: isPaid === true || mayHaveCost(error) })
        } finally {
          // Whatever becomes of the key, nobody waits for this run any more.
          run.fails(error)
        }
      },
    }
  }

  #liveAnswer(reply: Streamed, exchange: Exchange, entry: JournalEntry): LiveAnswer {
    const { journal, memory } = this.#rooms
    return new LiveAnswer({
      reply,
      exchangeId: exchange.id,
      memory,
      bytesMax: journal.answerBytesMax,
      isDurable: true,
      onEnd: (ended) => this.#keepEnded(ended, reply, { exchange, entry }),
    })
  }

  /** An answer that we ourselves cut off stays in doubt: given again it would look like its provider's failure. */
  async #keepEnded(
    { settlement, body, failure }: EndedAnswer,
    reply: Streamed,
    { exchange, entry }: Named,
  ): Promise<void> {
    const code = failure?.code ?? settlement.error?.code
    if (code === 'gateway_shutting_down' || settlement.state === 'client_gone') return
    const { journal, clock } = this.#rooms
    const kept =
      body === undefined ? undefined : keptOf(reply, { exchange, body, createdAtMs: clock.wallMs() })
    const broken = failure === undefined ? {} : { failure: { code: failure.code, message: failure.message } }
    await journal.keep(entry, kept === undefined ? undefined : encodeKept({ ...kept, ...broken }))
  }

  /** Free again where surely nothing was spent or made; else the error is the answer. */
  #fails(error: GatewayError, { exchange, entry, isPaid }: Named & { readonly isPaid: boolean }): void {
    const { journal, clock } = this.#rooms
    if (!isPaid) return void journal.free(entry)
    if (error.code === 'gateway_shutting_down' || error.code === 'client_gone') return
    const { id, dialect } = exchange
    const body = Buffer.from(dialect.writeError(error, { requestId: id, attempts: error.attempts }))
    const said = { exchangeId: id, status: error.status, contentType: ERROR_TYPE, form: 'error', body }
    void journal.keep(entry, encodeKept({ ...said, createdAtMs: clock.wallMs() }))
  }
}

/** What only reads, removes or counts may be asked as often as one likes. */
function isMade({ operation, asked }: Exchange): boolean {
  return operation !== 'count-tokens' && (asked === undefined || asked.spec.method === 'POST')
}

const ERROR_TYPE = 'application/json; charset=utf-8'

interface Named {
  readonly exchange: Exchange
  readonly entry: JournalEntry
}

interface Asked extends Named {
  readonly view: EventView | undefined
}

async function askedOf(exchange: Exchange, id: string): Promise<Asked> {
  const view = readEventView(exchange)
  return { exchange, view, entry: { id, requestHash: await hashRequest(exchange), exchangeId: exchange.id } }
}

type Streamed = Reply & { readonly body: AsyncIterable<Uint8Array> }

function attach({ run, entry: first }: KeyedRun, { exchange, view }: Asked): RecallStep {
  if (!run.isJoinable) throw tooLargeToShare(first.exchangeId)
  const reply = run.attach(exchange, (outcome, presence) =>
    viewEvents(replyOfSharer(outcome, exchange, { presence, again: againAs('attached') }), view),
  )
  return { type: 'attach', reply }
}

function replay(kept: KeptReply, view: EventView | undefined): RecallStep {
  if (view !== undefined) refuseEventsBeyond(kept, view)
  return { type: 'replay', reply: viewEvents(replyOfKept(kept, againAs('replayed')(kept)), view) }
}

/** The error that stands in an answer's place stays what it is: the client's own retry cannot help. */
function againAs(recall: 'attached' | 'replayed') {
  return ({ exchangeId, status }: { readonly exchangeId: string; readonly status?: number }): GivenAgain => ({
    recall,
    headers: [
      'x-holdfast-recall',
      recall,
      'x-holdfast-original-request-id',
      exchangeId,
      ...(status === undefined || status < 400 ? [] : ['x-should-retry', 'false']),
    ],
  })
}

function readKept(answer: Uint8Array, exchangeId: string): KeptReply {
  const kept = decodeKept(answer)
  if (kept !== undefined) return kept
  throw new GatewayError(
    'idempotency_in_doubt',
    `The answer to the request of this Idempotency-Key (${exchangeId}) was kept by another version and cannot be read. It was paid for; to pay for it anew, send it with a new key.`,
  )
}

function nothingToResume(): GatewayError {
  return new GatewayError(
    'invalid_request',
    'Nothing is kept under this Idempotency-Key, so there is nothing to go on with; without Last-Event-ID and x-holdfast-after the answer is made anew.',
    { param: 'last-event-id' },
  )
}

function tooLargeToShare(exchangeId: string): GatewayError {
  return new GatewayError(
    'idempotency_in_doubt',
    `The answer to the request of this Idempotency-Key (${exchangeId}) is still being made, and is too large to be given twice; to pay for it anew, send it with a new key.`,
    { param: 'Idempotency-Key' },
  )
}

function tooManyLive(): GatewayError {
  return new GatewayError(
    'overloaded',
    `Answers that are being made and may be shared hold more than ${LIVE_BYTES_MAX} bytes.`,
    { retryAfterMs: 1_000 },
  )
}
