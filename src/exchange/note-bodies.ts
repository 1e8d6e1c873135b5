/** Notes what a request asked and what its client was told, where its key or the file wants that kept. */

import type { AskedHead } from '../archive/kept-bodies.ts'
import type { BodyKeeper } from '../archive/body-keeper.ts'
import type { BodyNote } from '../archive/body-note.ts'
import { TELLING_HEADERS } from '../dialects/telling-headers.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'
import { answerForm } from './answer-form.ts'
import type { Caller } from './gateway.ts'

/** `undefined` where nothing is kept: files and batches, which ask no model, never are. */
export function noteRequest(
  exchange: Exchange,
  { keepBodies }: Caller,
  keeper: BodyKeeper,
): BodyNote | undefined {
  if (!keeper.isWanted(keepBodies)) return undefined
  const { asked, body } = exchange
  if (asked !== undefined && asked.spec.placedBy !== 'model') return undefined
  const { form } = asked ?? {}
  return keeper.note(headOf(exchange), form === undefined ? body : { formBytes: form.length })
}

function headOf({ id, dialect, operation, path, envelope, headers }: Exchange): AskedHead {
  const { modelId, stream, streamForm, candidateCount } = envelope
  const telling = TELLING_HEADERS.flatMap((name) => {
    const value = headers[name]
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  return {
    exchangeId: id,
    dialect: dialect.id,
    operation,
    // A query may hold a key; how a stream is framed is all of it that counts.
    ...(path === undefined ? {} : { path: streamForm === 'sse' ? `${path}?alt=sse` : path }),
    ...(modelId === '' ? {} : { modelId }),
    stream,
    candidateCount,
    headers: Object.fromEntries(telling),
  }
}

/** The same reply; what passes is noted beside it. */
export function noteReply(reply: Reply, exchange: Exchange, note: BodyNote): Reply {
  const { status, contentType, body } = reply
  note.begin({ status, contentType, form: answerForm(exchange.envelope) })
  void reply.settled.then(() => note.end())
  if (!(body instanceof Uint8Array)) return { ...reply, body: new NotedBody(body, note) }
  note.add(body)
  return reply
}

class NotedBody implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #note: BodyNote

  constructor(body: AsyncIterable<Uint8Array>, note: BodyNote) {
    this.#source = body[Symbol.asyncIterator]()
    this.#note = note
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const step = await this.#source.next()
    if (step.done !== true) this.#note.add(step.value)
    return step
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    return (await this.#source.return?.()) ?? { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
