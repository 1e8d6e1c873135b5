/** Server-sent events numbered from 1, for clients that come back after the last one they have. */

import { GatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'
import { type SseEvent, SseParser } from '../wire/sse.ts'

/** `1` asks for events that carry their number as `id`. */
export const DURABLE_HEADER = 'x-holdfast-durable'
/** What browsers' EventSource sends, and our own name for it: the last event that the client has. */
export const RESUME_HEADERS = ['last-event-id', 'x-holdfast-after'] as const

export interface EventView {
  readonly isNumbered: boolean
  /** Events that the client has. */
  readonly after: number
}

/** `undefined`: the bytes as they are. Throws `invalid_request` where a number is asked for that is none. */
export function readEventView({
  headers,
  envelope,
}: Pick<Exchange, 'headers' | 'envelope'>): EventView | undefined {
  if (!envelope.stream || envelope.streamForm === 'json-array') return undefined
  for (const name of RESUME_HEADERS) {
    const value = headers[name]
    if (value === undefined || value === '') continue
    return { isNumbered: true, after: readNumber(value, name) }
  }
  return headers[DURABLE_HEADER] === '1' ? { isNumbered: true, after: 0 } : undefined
}

/**
 * Throws `invalid_request` where a request without an `Idempotency-Key` asks for what only an answer under one has: events
 * with numbers, or those after one. Only such an answer is kept, so the request would be made, and paid for, once more.
 * What never streams events may say that it wants them numbered; a number says that the client has a part of an answer.
 */
export function refuseEventsWithoutKey(exchange: Pick<Exchange, 'headers' | 'envelope'>): void {
  const { headers } = exchange
  for (const name of RESUME_HEADERS) {
    const value = headers[name]
    if (value !== undefined && value !== '') throw eventsNeedKey(name)
  }
  if (headers[DURABLE_HEADER] === '1' && readEventView(exchange) !== undefined)
    throw eventsNeedKey(DURABLE_HEADER)
}

function eventsNeedKey(name: string): GatewayError {
  const instead =
    name === DURABLE_HEADER
      ? `Send an Idempotency-Key beside ${name}, or neither: the stream is made without numbers then.`
      : `Send the Idempotency-Key that the answer was asked for under; without ${name} the request is made anew.`
  return new GatewayError(
    'invalid_request',
    `The header ${name} needs an Idempotency-Key beside it: only answers under a key are kept and can be gone on with, so no provider was asked. ${instead}`,
    { param: 'Idempotency-Key' },
  )
}

function readNumber(value: string | readonly string[], name: string): number {
  if (typeof value === 'string' && /^\d{1,9}$/.test(value)) return Number(value)
  throw new GatewayError(
    'invalid_request',
    `The header ${name} must be the number of an event: 0, 1, 2, ...`,
    {
      param: name,
    },
  )
}

/** Throws `invalid_request` where the client says that it has more events than the whole answer: what it has is of another one. */
export function refuseEventsBeyond({ contentType, body }: WholeAnswer, { after }: EventView): void {
  if (after === 0 || !contentType.startsWith('text/event-stream')) return
  const parser = new SseParser()
  const count = parser.read(body).length + parser.end().length
  if (after <= count) return
  throw new GatewayError(
    'invalid_request',
    `The answer under this Idempotency-Key has ${count} events, so a client that has ${after} of them has read another one; without Last-Event-ID and x-holdfast-after it is given from its beginning.`,
    { param: 'last-event-id' },
  )
}

interface WholeAnswer {
  readonly contentType: string
  readonly body: Uint8Array
}

/** The reply as the view wants it; one that is no stream of events stays as it is. */
export function viewEvents(reply: Reply, view: EventView | undefined): Reply {
  if (view === undefined || !reply.contentType.startsWith('text/event-stream')) return reply
  const { body } = reply
  const numbers = new EventNumbers(view.after)
  if (!(body instanceof Uint8Array)) return { ...reply, body: new NumberedBody(body, numbers) }
  return { ...reply, body: Buffer.concat([numbers.read(body), numbers.end()]) }
}

class EventNumbers {
  readonly #after: number
  readonly #parser = new SseParser()
  #count = 0

  constructor(after: number) {
    this.#after = after
  }

  read(chunk: Uint8Array): Uint8Array {
    return this.#number(this.#parser.read(chunk))
  }

  end(): Uint8Array {
    return this.#number(this.#parser.end())
  }

  #number(events: readonly SseEvent[]): Uint8Array {
    const pieces: Uint8Array[] = []
    for (const { raw } of events) {
      this.#count += 1
      if (this.#count > this.#after) pieces.push(Buffer.from(`id: ${this.#count}\n`), raw)
    }
    return Buffer.concat(pieces)
  }
}

class NumberedBody implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array, undefined> {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #numbers: EventNumbers
  #hasEnded = false

  constructor(body: AsyncIterable<Uint8Array>, numbers: EventNumbers) {
    this.#source = body[Symbol.asyncIterator]()
    this.#numbers = numbers
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (!this.#hasEnded) {
      const step = await this.#source.next()
      this.#hasEnded = step.done === true
      const value = step.done === true ? this.#numbers.end() : this.#numbers.read(step.value)
      if (value.length > 0) return { done: false, value }
    }
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#hasEnded = true
    await this.#source.return?.()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
