/** Reads a stream of this dialect as events: its chunks are chat chunks whose choices say `text`. */

import type { JsonObject } from '../../std/json.ts'
import type { SseEvent } from '../../wire/sse.ts'
import { OpenaiChatStreamReader } from '../openai-chat/stream-reader.ts'
import { asChatAnswer, asChatChunk } from './chat-form.ts'

export class CompletionsStreamReader extends OpenaiChatStreamReader {
  override chunk(value: JsonObject): void {
    super.chunk(asChatChunk(value))
  }

  override plainAnswer(value: JsonObject, event: SseEvent): void {
    super.plainAnswer(asChatAnswer(value), event)
  }
}
