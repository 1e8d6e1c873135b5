/** Streams for the tests of this room, said in few words, and what is read from them. */

import type { InferenceEvent } from '../../canonical/event.ts'
import { foldEvents, gist } from '../dialect.contract.ts'
import { openaiChat } from './index.ts'

export const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
export const chunk = (choices: unknown, more: object = {}) =>
  data({ id: 'c1', object: 'chat.completion.chunk', created: 5, model: 'm', choices, ...more })
export const delta = (value: object | null, finishReason: string | null = null, index = 0) =>
  chunk([{ index, delta: value, finish_reason: finishReason }])
export const call = (entry: object, finishReason: string | null = null) =>
  delta({ tool_calls: [entry] }, finishReason)
export const DONE = 'data: [DONE]\n\n'

export function read(text: string) {
  const reader = openaiChat.createStreamReader()
  const events = [...reader.read(Buffer.from(text)), ...reader.end()]
  const { isComplete, isTerminated, anomalies } = reader
  return {
    events,
    isComplete,
    isTerminated,
    anomalies,
    first: gist(foldEvents(events))[0],
    result: foldEvents(events),
  }
}

export const errorOf = (events: readonly InferenceEvent[]) => {
  const last = events.at(-1)
  return last?.type === 'error' ? last.error : undefined
}
