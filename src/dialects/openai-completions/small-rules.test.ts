import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import type { InferenceRequest } from '../../canonical/request.ts'
import type { InferenceResult } from '../../canonical/result.ts'
import { openaiChat } from '../openai-chat/index.ts'
import { openaiCompletions } from './index.ts'

const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value))
const read = (fields: object) => openaiCompletions.readRequest(bytesOf({ model: 'm', ...fields }))
const peek = (fields: object) => openaiCompletions.peek(bytesOf({ model: 'm', ...fields }), 'chat')
const refusal = (prompt: unknown) => openaiCompletions.refuseTranslation?.(read({ prompt }))
const options = { responseId: 'r', modelId: 'm', createdAtS: 1, wantsUsage: true }

describe('a request', () => {
  test('becomes one message of the user, and nothing else', () => {
    const request = read({ prompt: 'Once upon', max_tokens: 5, logprobs: 2, stop: 'X', n: 2 })
    expect(request).toEqual({
      modelId: 'm',
      messages: [{ role: 'user', parts: [{ type: 'text', text: 'Once upon' }] }],
      stream: false,
      wantsStreamUsage: false,
      maxOutputTokens: 5,
      logprobs: { top: 2 },
      stopSequences: ['X'],
      candidateCount: 2,
      vendor: { dialect: 'openai-completions', fields: {} },
    })
    const { fields } = openaiChat.writeRequest(request, { modelId: 'm', stream: false })
    expect(fields['messages']).toEqual([{ role: 'user', content: 'Once upon' }])
  })

  test('names what a chat cannot be told', () => {
    const request = read({ prompt: 'a', suffix: 'b', echo: true, best_of: 3 })
    const { losses } = openaiChat.writeRequest(request, { modelId: 'm', stream: false })
    expect(losses.map(({ field }) => field)).toEqual(['suffix', 'echo', 'best_of'])
  })

  test.each([
    ['a text', 'a', undefined],
    ['a list of one text', ['a'], undefined],
    ['token numbers', [1, 2, 3], /token numbers/],
    ['one list of token numbers', [[1, 2]], /token numbers/],
    ['several texts', ['a', 'b'], /Several prompts/],
    ['several lists of token numbers', [[1], [2]], /Several prompts/],
  ])('%s can be translated, or is refused by name', (_kind, prompt, message) => {
    const error = refusal(prompt)
    if (message === undefined) return expect(error).toBeUndefined()
    expect(error?.message).toMatch(message)
    expect([error?.code, error?.facts.param]).toEqual(['loss_refused', 'prompt'])
  })

  test('several prompts return to their own dialect as they were, and are counted', () => {
    const prompt = ['a', [1, 2]]
    const { fields } = openaiCompletions.writeRequest(read({ prompt }), { modelId: 'm', stream: false })
    expect(fields['prompt']).toEqual(prompt)
    expect(peek({ prompt: ['a', 'b'], n: 3 }).candidateCount).toBe(6)
    expect(peek({ prompt: [1, 2, 3] }).candidateCount).toBe(1)
    expect(() => peek({ prompt: Array.from({ length: 2049 }, () => 'a') })).toThrow(/2048/)
  })

  test('the best of several is never asked for as a stream', () => {
    expect(peek({ prompt: 'a', best_of: 2 }).isPlainOnly).toBe(true)
    expect(peek({ prompt: 'a', best_of: 1 }).isPlainOnly).toBeUndefined()
  })
})

test('a conversation of another dialect is written as a transcript, its losses named', () => {
  const request: InferenceRequest = {
    modelId: 'm',
    stream: false,
    wantsStreamUsage: false,
    messages: [
      { role: 'system', parts: [{ type: 'text', text: 'Be brief.' }] },
      { role: 'user', parts: [{ type: 'text', text: 'Hi' }] },
      { role: 'assistant', parts: [{ type: 'text', text: 'Hello' }] },
      {
        role: 'user',
        parts: [
          { type: 'text', text: 'Look' },
          { type: 'image', source: { kind: 'url', url: 'https://example.com/a.png' } },
        ],
      },
    ],
    tools: [{ kind: 'function', name: 'f' }],
    output: { type: 'json-object' },
  }
  const { fields, losses } = openaiCompletions.writeRequest(request, { modelId: 'x', stream: true })
  expect(fields).toEqual({
    model: 'x',
    prompt: 'Be brief.\n\nUser: Hi\n\nAssistant: Hello\n\nUser: Look\n\nAssistant:',
    stream: true,
    stream_options: { include_usage: true },
  })
  expect(losses.map(({ field }) => field)).toEqual([
    'tools',
    'response_format',
    'messages.role',
    'messages.image',
  ])
})

describe('an answer of another dialect', () => {
  const result: InferenceResult = {
    candidates: [
      {
        index: 0,
        parts: [
          { type: 'reasoning', text: 'hm' },
          { type: 'text', text: 'Hi' },
          { type: 'tool-call', id: 'c', name: 'f', arguments: '{}' },
        ],
        finish: { reason: 'tool-calls' },
      },
    ],
  }

  test('is its text, and what is left out is named', () => {
    const { body, losses } = openaiCompletions.writeResult(result, options)
    expect(JSON.parse(body).choices).toEqual([
      { text: 'Hi', index: 0, logprobs: null, finish_reason: 'stop' },
    ])
    expect(losses.map(({ field }) => field)).toEqual(['content.reasoning', 'content.tool-call'])
  })

  test('names the same in a stream', () => {
    const writer = openaiCompletions.createStreamWriter(options)
    const events: InferenceEvent[] = [
      { type: 'reasoning-start', candidate: 0, part: 0 },
      { type: 'reasoning-delta', text: 'hm', candidate: 0, part: 0 },
      { type: 'reasoning-end', candidate: 0, part: 0 },
      { type: 'tool-call-start', id: 'c', name: 'f', candidate: 0, part: 1 },
      { type: 'tool-call-end', candidate: 0, part: 1 },
      { type: 'finish', candidate: 0, finish: { reason: 'tool-calls' } },
    ]
    const text = events.map((event) => writer.write(event)).join('') + writer.end()
    expect(text).not.toMatch(/hm|tool/)
    expect(text).toMatch(/"finish_reason":"stop"/)
    expect(writer.losses.map(({ field }) => field)).toEqual(['content.reasoning', 'content.tool-call'])
  })
})

test('log probabilities are read and said again', () => {
  const logprobs = {
    tokens: ['Hi', ' all'],
    token_logprobs: [-0.5, -1],
    top_logprobs: [{ Hi: -0.5, Ho: -2 }, null],
    text_offset: [0, 2],
  }
  const answer = {
    id: 'a',
    created: 1,
    model: 'm',
    choices: [{ text: 'Hi all', index: 0, logprobs, finish_reason: 'stop' }],
  }
  const result = openaiCompletions.readResult(bytesOf(answer))
  expect(result.candidates[0]?.logprobs).toEqual([
    {
      token: 'Hi',
      logprob: -0.5,
      bytes: null,
      top_logprobs: [
        { token: 'Hi', logprob: -0.5, bytes: null },
        { token: 'Ho', logprob: -2, bytes: null },
      ],
    },
    { token: ' all', logprob: -1, bytes: null, top_logprobs: [] },
  ])
  const { body } = openaiCompletions.writeResult(result, options)
  expect(JSON.parse(body).choices[0].logprobs).toEqual(logprobs)
})

test('a plain answer in place of a stream is let through as a stream of one', () => {
  const answer = {
    id: 'a',
    choices: [{ text: 'Hi', index: 0, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1 },
  }
  const passthrough = openaiCompletions.createPassthrough({ hidesUsage: true })
  const out = Buffer.concat([passthrough.read(bytesOf(answer)), passthrough.end()]).toString()
  const { usage: _usage, ...rest } = answer
  expect(out).toBe(`data: ${JSON.stringify(rest)}\n\ndata: [DONE]\n\n`)
  expect(passthrough.facts).toMatchObject({ isComplete: true, usage: { outputTokens: 1 } })
})
