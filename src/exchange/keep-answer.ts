/** Keeps what an answer said, as it is made, so that a later request may refer to it. */

import type { ConversationFace, References } from '../dialects/dialect.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'
import type { ResponseStore } from '../archive/response-store.ts'
import type { Owner } from '../archive/stored-response.ts'
import { isJsonObject, type JsonObject, parseJson, stringOf } from '../std/json.ts'
import { type SseEvent, SseParser } from '../wire/sse.ts'

/** One request and whose answer it gets. */
export interface Turn {
  readonly exchange: Exchange
  readonly conversation: ConversationFace
  readonly references: References
  readonly owner: Owner
  /** The target that remembers the answer itself. */
  readonly maker?: string | undefined
}

/** The same reply; what passes is read beside it. The request is read now, since its bytes are gone when the answer ends. */
export function keepAnswer(reply: Reply, turn: Turn, store: ResponseStore): Reply {
  const keep = answerKeeper(turn, store)
  if (!(reply.body instanceof Uint8Array)) {
    return { ...reply, body: new WatchedBody(reply.body, { conversation: turn.conversation, keep }) }
  }
  const answer = parseJson(Buffer.from(reply.body).toString())
  if (isJsonObject(answer)) keep(answer)
  return reply
}

/** Stores an answer with what was said in its request; `id` where the client knows it by another than its own. */
export function answerKeeper(turn: Turn, store: ResponseStore): (answer: JsonObject, id?: string) => void {
  const { exchange, conversation, references, owner, maker } = turn
  const { previousId, itemIds } = references
  const said = conversation.inputItems(exchange.body)
  return (answer, known) => {
    const id = known ?? stringOf(answer['id'])
    if (id === undefined) return
    store.put({
      id,
      owner,
      answer,
      input: said.map((item, place) => ({ id: `item_${id}_${place}`, ...item })),
      pointers: itemIds,
      output: conversation.outputItems(answer),
      ...(previousId === undefined ? {} : { previousId }),
      ...(maker === undefined ? {} : { maker }),
    })
  }
}

interface AnswerKeeper {
  readonly conversation: ConversationFace
  keep(answer: JsonObject): void
}

class WatchedBody implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>
  readonly #keeper: AnswerKeeper
  readonly #events = new SseParser()
  /** The answer is kept, or cannot be. */
  #isOver = false

  constructor(body: AsyncIterable<Uint8Array>, keeper: AnswerKeeper) {
    this.#source = body[Symbol.asyncIterator]()
    this.#keeper = keeper
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const step = await this.#source.next()
    if (step.done !== true && !this.#isOver) this.#look(step.value)
    return step
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    return (await this.#source.return?.()) ?? { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** What cannot be kept (an event beyond all bounds) passes all the same. */
  #look(chunk: Uint8Array): void {
    try {
      this.#lookFor(this.#events.read(chunk))
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      this.#isOver = true
    }
  }

  #lookFor(events: readonly SseEvent[]): void {
    for (const event of events) {
      const answer = this.#keeper.conversation.wholeAnswer(event)
      if (answer === undefined) continue
      this.#isOver = true
      this.#keeper.keep(answer)
      return
    }
  }
}
