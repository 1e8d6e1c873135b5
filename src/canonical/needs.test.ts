import { describe, expect, test } from 'vitest'
import type { Part } from './message.ts'
import { needsOf } from './needs.ts'
import type { InferenceRequest } from './request.ts'

function needs(change: Partial<InferenceRequest>, parts: readonly Part[] = []): readonly string[] {
  const request: InferenceRequest = {
    modelId: 'm',
    messages: [{ role: 'user', parts }],
    stream: false,
    wantsStreamUsage: false,
    ...change,
  }
  return [...needsOf(request).abilities]
}

const tool = { kind: 'function', name: 'f' } as const
const data = { kind: 'base64', data: '', mediaType: 'application/pdf' } as const

describe('what a request needs', () => {
  test.each<[string, Partial<InferenceRequest>, readonly string[]]>([
    ['plain words need nothing', {}, []],
    ['functions need tools', { tools: [tool] }, ['tools']],
    ['functions that must not be called need none', { tools: [tool], toolChoice: { type: 'none' } }, []],
    ['a tool of one dialect alone is no need', { tools: [{ kind: 'opaque', dialect: 'x', value: {} }] }, []],
    ['a schema', { output: { type: 'json-schema', schema: {} } }, ['json-schema']],
    ['JSON of any form needs no schema', { output: { type: 'json-object' } }, []],
    ['spoken answers', { modalities: ['TEXT', 'AUDIO'] }, ['speech']],
  ])('%s', (_name, change, expected) => {
    expect(needs(change)).toEqual(expected)
  })

  test.each<[string, Part, readonly string[]]>([
    ['an image', { type: 'image', source: { kind: 'url', url: 'https://x' } }, ['vision']],
    ['a sound', { type: 'audio', source: data }, ['audio']],
    ['what a model said earlier', { type: 'audio', source: data, audioId: 'a' }, []],
    ['a document', { type: 'document', source: data }, ['documents']],
    [
      'a document that is text',
      { type: 'document', source: { kind: 'text', text: '', mediaType: 'text/plain' } },
      [],
    ],
    [
      'an image that a tool showed',
      {
        type: 'tool-result',
        toolCallId: 'a',
        parts: [{ type: 'image', source: { kind: 'url', url: 'https://x' } }],
      },
      ['vision'],
    ],
  ])('%s', (_name, part, expected) => {
    expect(needs({}, [part])).toEqual(expected)
  })

  test('the input is certainly so many tokens: an eighth of its characters', () => {
    const text = (length: number): Part => ({ type: 'text', text: 'x'.repeat(length) })
    const messages = [
      { role: 'system', parts: [text(80)] },
      { role: 'assistant', parts: [{ type: 'tool-call', id: 'a', name: 'f', arguments: 'x'.repeat(16) }] },
      { role: 'tool', parts: [{ type: 'tool-result', toolCallId: 'a', parts: [text(8)] }] },
    ] as const
    expect(needsOf({ modelId: 'm', messages, stream: false, wantsStreamUsage: false }).inputTokensMin).toBe(
      13,
    )
  })
})
