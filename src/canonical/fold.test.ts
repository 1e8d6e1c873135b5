import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from './event.ts'
import { createFold } from './fold.ts'
import type { InferenceResult } from './result.ts'
import { unfold } from './unfold.ts'

const answer: InferenceResult = {
  responseId: 'r1',
  modelId: 'm1',
  createdAtS: 7,
  candidates: [
    {
      index: 0,
      parts: [
        { type: 'reasoning', text: 'let me see', signature: 'sig' },
        { type: 'reasoning', text: '', encrypted: 'xyz' },
        { type: 'text', text: 'hello', citations: [{ url: 'http://127.0.0.1/', raw: null }] },
        { type: 'refusal', text: 'no' },
        { type: 'tool-call', id: 'c1', name: 'add', arguments: '{"a":1}', kind: 'function' },
        { type: 'opaque', dialect: 'anthropic-messages', value: { type: 'server_tool_use' } },
      ],
      finish: { reason: 'tool-calls', raw: 'tool_use' },
      logprobs: [{ token: 'hello' }],
    },
    { index: 1, parts: [{ type: 'text', text: 'other' }], finish: { reason: 'stop' } },
  ],
  usage: { inputTokens: 3, outputTokens: 0 },
}

function foldAll(events: readonly InferenceEvent[]): InferenceResult {
  const fold = createFold()
  for (const event of events) fold.add(event)
  return fold.result()
}

describe('folding', () => {
  test('gives back the answer that was unfolded', () => {
    expect(foldAll(unfold(answer))).toEqual(answer)
  })

  test('joins interleaved parts of two candidates, each in its own order', () => {
    const result = foldAll([
      { type: 'tool-call-start', candidate: 0, part: 0, id: 'a', name: 'x' },
      { type: 'tool-call-start', candidate: 0, part: 1, id: 'b', name: 'y' },
      { type: 'text-start', candidate: 1, part: 0 },
      { type: 'tool-call-delta', candidate: 0, part: 1, argumentsDelta: '{"b"' },
      { type: 'tool-call-delta', candidate: 0, part: 0, argumentsDelta: '{}' },
      { type: 'text-delta', candidate: 1, part: 0, text: 'hi' },
      { type: 'tool-call-delta', candidate: 0, part: 1, argumentsDelta: ':1}' },
    ])
    expect(result.candidates[0]?.parts).toEqual([
      { type: 'tool-call', id: 'a', name: 'x', arguments: '{}' },
      { type: 'tool-call', id: 'b', name: 'y', arguments: '{"b":1}' },
    ])
    expect(result.candidates[1]?.parts).toEqual([{ type: 'text', text: 'hi' }])
  })

  test('keeps the last usage and never sums', () => {
    const result = foldAll([
      { type: 'usage-update', usage: { inputTokens: 5, outputTokens: 1 } },
      { type: 'usage-update', usage: { inputTokens: 5, outputTokens: 9 } },
    ])
    expect(result.usage).toEqual({ inputTokens: 5, outputTokens: 9 })
  })

  test('leaves finish absent where the answer broke off', () => {
    const result = foldAll([
      { type: 'text-start', candidate: 0, part: 0 },
      { type: 'text-delta', candidate: 0, part: 0, text: 'half' },
    ])
    expect(result.candidates[0]?.finish).toBeUndefined()
  })
})
