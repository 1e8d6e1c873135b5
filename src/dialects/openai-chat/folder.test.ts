import { expect, test } from 'vitest'
import { openaiChat } from './index.ts'

const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`

function fold(...chunks: readonly object[]): unknown {
  const folder = openaiChat.createFolder()
  for (const value of chunks) folder.read(Buffer.from(data(value)))
  folder.end()
  return JSON.parse(Buffer.from(folder.result()).toString())
}

test('makes the plain answer, unknown fields of every level included', () => {
  const answer = fold(
    {
      id: 'c',
      object: 'chat.completion.chunk',
      created: 5,
      model: 'm',
      system_fingerprint: null,
      obfuscation: 'xx',
      choices: [
        {
          index: 0,
          delta: { role: 'assistant', content: 'a' },
          logprobs: { content: [{ token: 'a' }] },
          stop_reason: null,
        },
      ],
      usage: null,
    },
    {
      id: 'other',
      system_fingerprint: 'fp',
      choices: [
        {
          index: 0,
          delta: { content: 'b', new_text: 'x' },
          logprobs: { content: [{ token: 'b' }] },
          content_filter_results: { hate: 1 },
        },
      ],
    },
    { id: 'c', choices: [{ index: 0, delta: { new_text: 'y' }, finish_reason: 'stop', stop_reason: 7 }] },
    { id: 'c', choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 }, timings: { ms: 1 } },
  )
  expect(answer).toEqual({
    id: 'c',
    object: 'chat.completion',
    created: 5,
    model: 'm',
    system_fingerprint: 'fp',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'ab', refusal: null, new_text: 'y' },
        logprobs: { content: [{ token: 'a' }, { token: 'b' }], refusal: null },
        content_filter_results: { hate: 1 },
        stop_reason: 7,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 1, completion_tokens: 2 },
    timings: { ms: 1 },
  })
})

test('folds tool calls without their index, with what belongs to one of them', () => {
  const call = (entry: object, finish: string | null = null) => ({
    id: 'c',
    choices: [{ index: 0, delta: { tool_calls: [entry] }, finish_reason: finish }],
  })
  expect(
    fold(
      call({
        index: 0,
        id: 'a',
        type: 'function',
        function: { name: 'f', arguments: '{"x"' },
        extra_content: { google: { thought_signature: 's' } },
      }),
      call({ index: 0, function: { arguments: ':1}' } }),
      call({ index: 1, id: '', type: 'custom', custom: { name: 'g', input: 'text' } }, 'tool_calls'),
    ),
  ).toMatchObject({
    choices: [
      {
        message: {
          content: null,
          tool_calls: [
            {
              id: 'a',
              type: 'function',
              function: { name: 'f', arguments: '{"x":1}' },
              extra_content: { google: { thought_signature: 's' } },
            },
            { id: expect.stringMatching(/^call_/), type: 'custom', custom: { name: 'g', input: 'text' } },
          ],
        },
        finish_reason: 'tool_calls',
      },
    ],
  })
})

test('joins reasoning, its details, legacy calls and spoken audio', () => {
  const delta = (value: object, finish: string | null = null) => ({
    choices: [{ index: 0, delta: value, finish_reason: finish }],
  })
  expect(
    fold(
      delta({ reasoning: 'a', reasoning_details: [{ type: 'reasoning.text', text: 'a', index: 0 }] }),
      delta({ reasoning: 'b', reasoning_details: [{ type: 'reasoning.text', text: 'b', index: 0 }] }),
      delta({ reasoning_details: [{ type: 'reasoning.text', signature: 's', index: 0 }] }),
      delta({ function_call: { name: 'f', arguments: '{' } }),
      delta({ function_call: { arguments: '}' }, audio: { id: 'x', data: 'AA', transcript: 'h' } }),
      delta({ audio: { data: 'BB', transcript: 'i' } }, 'stop'),
    ),
  ).toMatchObject({
    choices: [
      {
        message: {
          reasoning: 'ab',
          reasoning_details: [{ type: 'reasoning.text', text: 'ab', signature: 's', index: 0 }],
          function_call: { name: 'f', arguments: '{}' },
          audio: { id: 'x', data: 'AABB', transcript: 'hi' },
        },
      },
    ],
  })
})

test('fault 70: candidates come out in order of their index', () => {
  const choice = (index: number, content: string) => ({
    choices: [{ index, delta: { content }, finish_reason: 'stop' }],
  })
  expect(fold(choice(1, 'b'), choice(0, 'a'))).toMatchObject({
    choices: [
      { index: 0, message: { content: 'a' } },
      { index: 1, message: { content: 'b' } },
    ],
  })
})

test('a field named __proto__ stays a field', () => {
  const folder = openaiChat.createFolder()
  folder.read(
    Buffer.from(
      'data: {"__proto__":{"polluted":1},"choices":[{"delta":{"__proto__":{"x":1},"content":"a"},"finish_reason":"stop"}]}\n\n',
    ),
  )
  expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  expect(Buffer.from(folder.result()).toString()).toContain('"__proto__":{"polluted":1}')
})
