/** The events of small streams in both dialects, for walls that say them byte by byte. */

import { chunkedHead, httpChunk } from '../../src/upstream/wall.ts'
import type { FirstDialect } from './client-answer.ts'

const CHUNK = { id: 'chatcmpl-wall', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm' }

export interface StreamEvents {
  /** Up to the first content, none included. */
  readonly opening: string
  content(text: string): string
  /** The reason to finish, and the usage. */
  readonly finish: string
  readonly last: string
}

const openai: StreamEvents = {
  opening: chunk({ delta: { role: 'assistant', content: '' }, finish_reason: null }),
  content: (text) => chunk({ delta: { content: text }, finish_reason: null }),
  finish:
    chunk({ delta: {}, finish_reason: 'stop' }) +
    data({ ...CHUNK, choices: [], usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } }),
  last: 'data: [DONE]\n\n',
}

const anthropic: StreamEvents = {
  opening:
    named({
      type: 'message_start',
      message: {
        id: 'msg_wall',
        type: 'message',
        role: 'assistant',
        model: 'm',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 11, output_tokens: 1 },
      },
    }) + named({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
  content: (text) => named({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
  finish:
    named({ type: 'content_block_stop', index: 0 }) +
    named({
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { output_tokens: 7 },
    }),
  last: named({ type: 'message_stop' }),
}

export const streamEvents: Readonly<Record<FirstDialect, StreamEvents>> = {
  'openai-chat': openai,
  'anthropic-messages': anthropic,
}

export function streamHead(): string {
  return chunkedHead('text/event-stream')
}

/** Text as one chunk of a chunked body. */
export function piece(text: string): string {
  return httpChunk(text)
}

export const STREAM_END = '0\r\n\r\n'

function chunk(choice: object): string {
  return data({ ...CHUNK, choices: [{ index: 0, ...choice }] })
}

function data(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

function named(value: Readonly<Record<string, unknown>> & { readonly type: string }): string {
  return `event: ${value.type}\n${data(value)}`
}
