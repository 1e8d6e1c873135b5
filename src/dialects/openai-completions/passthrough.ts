/** Lets a stream of this dialect through to a client of this dialect: its own bytes, whole events, nothing broken. */

import type { JsonObject } from '../../std/json.ts'
import { encodeSse, type SseEvent } from '../../wire/sse.ts'
import type { PassthroughOptions } from '../dialect.ts'
import { OpenaiChatPassthrough } from '../openai-chat/passthrough.ts'
import { asChatChunk } from './chat-form.ts'

export class CompletionsPassthrough extends OpenaiChatPassthrough {
  readonly #hidesUsage: boolean

  constructor(options: PassthroughOptions) {
    super(options)
    this.#hidesUsage = options.hidesUsage
  }

  /** What is looked at is in the form of a chat; what travels on is the event as it came. */
  override chunk(value: JsonObject, event: SseEvent): void {
    super.chunk(asChatChunk(value), event)
  }

  protected override get lastPiece(): JsonObject {
    return { text: '', logprobs: null }
  }

  /** A plain answer of this dialect has the shape of a chunk: framed, it is a stream of one. */
  override plainAnswer(value: JsonObject): void {
    const { usage, ...rest } = value
    const said = usage === undefined || this.#hidesUsage ? rest : value
    super.chunk(asChatChunk(value), eventOf(JSON.stringify(said)))
    this.done(eventOf('[DONE]'))
  }
}

function eventOf(data: string): SseEvent {
  return { name: 'message', data, raw: Buffer.from(encodeSse(data)) }
}
