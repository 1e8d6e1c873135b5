/** Builds streams of this dialect by hand, for the tests of this room. */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { JsonObject } from '../../std/json.ts'
import { createStreamReader } from './stream-reader.ts'

export function event(value: JsonObject & { readonly type: string }): string {
  return `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`
}

export const messageStart = event({
  type: 'message_start',
  message: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-x',
    content: [],
    usage: { input_tokens: 10, cache_read_input_tokens: 4, output_tokens: 1 },
  },
})

export function blockStart(index: number, content_block: JsonObject): string {
  return event({ type: 'content_block_start', index, content_block })
}

export function blockDelta(index: number, delta: JsonObject): string {
  return event({ type: 'content_block_delta', index, delta })
}

export function blockStop(index: number): string {
  return event({ type: 'content_block_stop', index })
}

export function textBlock(index: number, ...texts: string[]): string {
  return [
    blockStart(index, { type: 'text', text: '' }),
    ...texts.map((text) => blockDelta(index, { type: 'text_delta', text })),
    blockStop(index),
  ].join('')
}

export function messageDelta(stop_reason: string, usage: JsonObject = { output_tokens: 7 }): string {
  return event({ type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage })
}

export const messageStop = event({ type: 'message_stop' })

export const ping = event({ type: 'ping' })

export const overloaded = event({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } })

/** A small whole stream that says `texts`. */
export function wholeStream(...texts: string[]): string {
  return messageStart + textBlock(0, ...texts) + messageDelta('end_turn') + messageStop
}

export interface Reading {
  readonly events: readonly InferenceEvent[]
  readonly isComplete: boolean
  readonly isTerminated: boolean
  readonly anomalies: number
}

export function readStream(...chunks: readonly (string | Uint8Array)[]): Reading {
  const reader = createStreamReader()
  const events: InferenceEvent[] = []
  for (const chunk of chunks)
    events.push(...reader.read(typeof chunk === 'string' ? Buffer.from(chunk) : chunk))
  events.push(...reader.end())
  return {
    events,
    isComplete: reader.isComplete,
    isTerminated: reader.isTerminated,
    anomalies: reader.anomalies,
  }
}

/** The texts of an answer, joined. */
export function textOf(events: readonly InferenceEvent[]): string {
  return events.map((step) => (step.type === 'text-delta' ? step.text : '')).join('')
}
