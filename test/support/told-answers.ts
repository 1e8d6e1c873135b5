/** Small whole answers and streams of each dialect, for providers whose every byte is the test's own. */

import type { JsonObject } from '../../src/std/json.ts'
import { eventsOf } from './told-provider.ts'

const CHAT = { id: 'chatcmpl-told', created: 1_700_000_000, model: 'm' }
const CHAT_USAGE = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 }

export function chatAnswer(text: string, usage: JsonObject = CHAT_USAGE): JsonObject {
  const choice = { index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }
  return { ...CHAT, object: 'chat.completion', choices: [choice], usage }
}

export function chatChunk(delta: JsonObject, finishReason: string | null = null): JsonObject {
  const choice = { index: 0, delta, finish_reason: finishReason }
  return { ...CHAT, object: 'chat.completion.chunk', choices: [choice] }
}

export function chatStream(text: string, usage: JsonObject = CHAT_USAGE): string {
  return eventsOf(
    chatChunk({ role: 'assistant', content: '' }),
    chatChunk({ content: text }),
    chatChunk({}, 'stop'),
    { ...CHAT, object: 'chat.completion.chunk', choices: [], usage },
    '[DONE]',
  )
}

const MESSAGE = { id: 'msg_told', type: 'message', role: 'assistant', model: 'm' }
const MESSAGES_USAGE = { input_tokens: 100, output_tokens: 20 }

export function messagesAnswer(text: string, usage: JsonObject = MESSAGES_USAGE): JsonObject {
  const content = [{ type: 'text', text }]
  return { ...MESSAGE, content, stop_reason: 'end_turn', stop_sequence: null, usage }
}

export function messagesStart(usage: JsonObject = { ...MESSAGES_USAGE, output_tokens: 1 }): string {
  const message = { ...MESSAGE, content: [], stop_reason: null, stop_sequence: null, usage }
  return eventsOf({ type: 'message_start', message })
}

/** `last` is the usage of its end, which may leave out what its start said. */
export function messagesStream(
  text: string,
  usage: JsonObject = MESSAGES_USAGE,
  last: JsonObject = usage,
): string {
  return (
    messagesStart({ ...usage, output_tokens: 1 }) +
    eventsOf(
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: last },
      { type: 'message_stop' },
    )
  )
}

export function geminiAnswer(text: string, usage: JsonObject = {}): JsonObject {
  return {
    candidates: [{ content: { role: 'model', parts: [{ text }] }, finishReason: 'STOP', index: 0 }],
    usageMetadata: { promptTokenCount: 100, candidatesTokenCount: 20, totalTokenCount: 120, ...usage },
    modelVersion: 'm',
    responseId: 'told',
  }
}
