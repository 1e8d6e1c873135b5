import { describe, expect, test } from 'vitest'
import type { Message } from '../../canonical/message.ts'
import type { InferenceRequest } from '../../canonical/request.ts'
import { foldEvents, gist } from '../dialect.contract.ts'
import { readTargetStream, richRequest } from '../target-dialect.contract.ts'
import { cohereChat } from './index.ts'

const base: InferenceRequest = {
  modelId: 'm',
  stream: false,
  wantsStreamUsage: false,
  messages: [{ role: 'user', parts: [{ type: 'text', text: 'Hi' }] }],
}
const write = (more: Partial<InferenceRequest> = {}) => {
  const { fields, losses } = cohereChat.writeRequest({ ...base, ...more }, { modelId: 'c', stream: false })
  return { fields, lost: losses.map(({ field }) => field) }
}
const writeMessages = (...messages: Message[]) => write({ messages })
const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const readStream = (...events: unknown[]) =>
  readTargetStream(cohereChat, [Buffer.from(events.map(data).join(''))])
const readAnswer = (answer: object) => cohereChat.readResult(Buffer.from(JSON.stringify(answer)))

describe('a request', () => {
  test('is written in the words of Cohere', () => {
    const { fields } = cohereChat.writeRequest(richRequest, { modelId: 'command-x', stream: true })
    expect(fields).toEqual({
      model: 'command-x',
      stream: true,
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Zürich 🌦?' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
            { type: 'text', text: 'Notes\nIt rains.' },
            { type: 'text', text: '[audio that could not be passed on]' },
          ],
        },
        {
          role: 'assistant',
          content: 'I look.',
          tool_calls: [
            { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Zürich"}' } },
            { id: 'call_2', type: 'function', function: { name: 'clock', arguments: '{}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'call_1', content: '21 °C' },
        { role: 'tool', tool_call_id: 'call_2', content: 'Error: no' },
      ],
      tools: [
        {
          type: 'function',
          function: {
            name: 'weather',
            description: 'd',
            parameters: { type: 'object', properties: { city: { type: 'string' } } },
          },
        },
        { type: 'function', function: { name: 'clock', parameters: { type: 'object', properties: {} } } },
      ],
      tool_choice: 'REQUIRED',
      max_tokens: 100,
      temperature: 0,
      p: 0.5,
      k: 7,
      stop_sequences: ['END'],
    })
  })

  test.each([
    [{ type: 'auto' }, undefined, ['f', 'g']],
    [{ type: 'none' }, 'NONE', ['f', 'g']],
    [{ type: 'required' }, 'REQUIRED', ['f', 'g']],
    [{ type: 'tool', name: 'g' }, 'REQUIRED', ['g']],
  ] as const)('tool choice %j', (toolChoice, word, names) => {
    const tools = [
      { kind: 'function', name: 'f' },
      { kind: 'function', name: 'g' },
    ] as const
    const { fields, lost } = write({ tools, toolChoice })
    expect(fields['tool_choice']).toBe(word)
    expect(fields['tools']).toMatchObject(names.map((name) => ({ function: { name } })))
    expect(lost).toEqual([])
  })

  test('tools are strict all together, or the loss is named', () => {
    const strict = { kind: 'function', name: 'f', isStrict: true } as const
    expect(write({ tools: [strict] }).fields['strict_tools']).toBe(true)
    const mixed = write({ tools: [strict, { kind: 'function', name: 'g' }] })
    expect([mixed.fields['strict_tools'], mixed.lost]).toEqual([undefined, ['tools.strict']])
  })

  test.each([
    [{ mode: 'off' }, { type: 'disabled' }],
    [
      { mode: 'on', budgetTokens: 500 },
      { type: 'enabled', token_budget: 500 },
    ],
    [
      { mode: 'on', effort: 'low' },
      { type: 'enabled', token_budget: 2048 },
    ],
    [{ mode: 'on', effort: 'high' }, { type: 'enabled' }],
  ] as const)('reasoning %j', (reasoning, thinking) => {
    expect(write({ reasoning }).fields['thinking']).toEqual(thinking)
  })

  test('a schema, and JSON without one', () => {
    const schema = { type: 'object' }
    expect(write({ output: { type: 'json-schema', schema } }).fields['response_format']).toEqual({
      type: 'json_object',
      json_schema: schema,
    })
    expect(write({ output: { type: 'json-object' } }).fields['response_format']).toEqual({
      type: 'json_object',
    })
    expect(write({ output: { type: 'text' } }).fields['response_format']).toBeUndefined()
  })

  test('values that Cohere refuses become the nearest it takes', () => {
    const { fields, lost } = write({
      topP: 1,
      topK: 1_000,
      frequencyPenalty: -1,
      presencePenalty: 0.5,
      stopSequences: ['1', '2', '3', '4', '5', '6'],
    })
    expect(fields).toMatchObject({ p: 0.99, k: 500, frequency_penalty: 0, presence_penalty: 0.5 })
    expect(fields['stop_sequences']).toHaveLength(5)
    expect(lost.sort()).toEqual(['frequency_penalty', 'stop'])
  })

  test("Cohere's own fields are handed on, and cited documents stand with them", () => {
    const fields = {
      safety_mode: 'NONE',
      documents: [{ id: 'd', data: { text: 'x' } }],
      logit_bias: { 5: 1 },
    }
    const written = write({
      vendor: { dialect: 'openai-chat', fields },
      messages: [
        {
          role: 'user',
          parts: [
            {
              type: 'document',
              title: 'T',
              wantsCitations: true,
              source: { kind: 'text', text: 'It rains.', mediaType: 'text/plain' },
            },
            { type: 'text', text: 'So?' },
          ],
        },
      ],
    })
    expect(written.fields).toMatchObject({
      safety_mode: 'NONE',
      messages: [{ role: 'user', content: 'So?' }],
      documents: [
        { id: 'd', data: { text: 'x' } },
        { id: 'doc_0', data: { title: 'T', text: 'It rains.' } },
      ],
    })
    expect(written.lost).toEqual(['logit_bias'])
  })

  test('a document that is no text, and the name of a speaker, are named as lost', () => {
    const document = { type: 'document', source: { kind: 'file', fileId: 'f' } } as const
    const { fields, lost } = writeMessages({ role: 'user', name: 'Ada', parts: [document] })
    expect(fields['messages']).toEqual([{ role: 'user', content: '[document that could not be passed on]' }])
    expect(lost).toEqual(['messages.name', 'messages.document'])
  })

  test('unsigned reasoning is a thought, or the plan of the calls beside it', () => {
    const thought = { type: 'reasoning', text: 'hm' } as const
    const call = { type: 'tool-call', id: 'c', name: 'f', arguments: '{}' } as const
    expect(
      writeMessages({ role: 'assistant', parts: [thought, { type: 'text', text: 'Hi' }] }).fields['messages'],
    ).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm' },
          { type: 'text', text: 'Hi' },
        ],
      },
    ])
    expect(writeMessages({ role: 'assistant', parts: [thought, call] }).fields['messages']).toMatchObject([
      { role: 'assistant', tool_plan: 'hm', tool_calls: [{ id: 'c' }] },
    ])
  })
})

describe('an answer', () => {
  test('counts pictures as input, and believes no part larger than its whole', () => {
    const usage = {
      billed_units: { input_tokens: 267, output_tokens: 66 },
      tokens: { input_tokens: 34, output_tokens: 70, reasoning_tokens: 99, image_tokens: 259 },
      cached_tokens: 9,
    }
    const answer = {
      id: 'a',
      message: { content: [{ type: 'text', text: 'x' }] },
      finish_reason: 'COMPLETE',
      usage,
    }
    expect(readAnswer(answer).usage).toEqual({
      inputTokens: 293,
      outputTokens: 70,
      cacheReadTokens: 9,
      raw: usage,
    })
  })

  test('keeps each citation with the block it names', () => {
    const cite = (index: number | undefined, id: string) => ({
      start: 0,
      end: 1,
      text: 'x',
      sources: [
        { type: 'document', id, document: { id, title: id, text: 'said', url: 'https://example.com/' } },
      ],
      ...(index === undefined ? {} : { content_index: index }),
    })
    const content = [
      { type: 'thinking', thinking: 'hm' },
      { type: 'text', text: 'first' },
      { type: 'text', text: 'second' },
    ]
    const citations = [cite(2, 'b'), cite(undefined, 'a')]
    const result = readAnswer({ id: 'a', message: { content, citations }, finish_reason: 'COMPLETE' })
    expect(result.candidates[0]?.parts).toEqual([
      { type: 'reasoning', text: 'hm' },
      {
        type: 'text',
        text: 'first',
        citations: [expect.objectContaining({ title: 'a', citedText: 'said' })],
      },
      { type: 'text', text: 'second', citations: [expect.objectContaining({ title: 'b', startIndex: 0 })] },
    ])
  })

  test('a citation of a plan is kept raw', () => {
    const citation = { start: 0, end: 1, text: 'x', sources: [], type: 'PLAN' }
    const message = { content: [{ type: 'text', text: 'Hi' }], citations: [citation] }
    expect(readAnswer({ id: 'a', message, finish_reason: 'COMPLETE' }).candidates[0]?.parts).toEqual([
      { type: 'text', text: 'Hi' },
      { type: 'opaque', dialect: 'cohere-chat', value: { type: 'citation', citation } },
    ])
  })

  test.each([
    ['COMPLETE', 'stop'],
    ['STOP_SEQUENCE', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['ERROR_TOXIC', 'content-filter'],
    ['SOMETHING_NEW', 'other'],
  ])('%s is %s', (word, reason) => {
    const answer = { id: 'a', message: { content: [{ type: 'text', text: 'x' }] }, finish_reason: word }
    expect(readAnswer(answer).candidates[0]?.finish).toEqual({ reason, raw: word })
  })

  test('an answer that ended with an error is one', () => {
    const answer = (word: string) => ({ id: 'a', message: { content: [] }, finish_reason: word })
    expect(() => readAnswer(answer('TIMEOUT'))).toThrow(
      expect.objectContaining({ code: 'upstream_gateway_timeout' }),
    )
    expect(() => readAnswer(answer('ERROR'))).toThrow(expect.objectContaining({ code: 'upstream_error' }))
    expect(() => readAnswer({ message: 'internal', id: 'x' })).toThrow(
      expect.objectContaining({ code: 'upstream_error' }),
    )
  })
})

describe('a stream', () => {
  const start = { type: 'message-start', id: 'a', delta: { message: { role: 'assistant' } } }
  const text = (said: string) => ({
    type: 'content-delta',
    index: 0,
    delta: { message: { content: { text: said } } },
  })
  const end = { type: 'message-end', delta: { finish_reason: 'COMPLETE' } }

  test('tells thoughts from text', () => {
    const thought = { type: 'content-delta', index: 0, delta: { message: { content: { thinking: 'hm' } } } }
    const events = readStream(start, thought, { ...text('Hi'), index: 1 }, end)
    expect(gist(foldEvents(events))[0]).toMatchObject({ reasoning: 'hm', text: 'Hi', finish: 'stop' })
  })

  test('gives citations to the text, even after it ended', () => {
    const citation = { start: 0, end: 2, text: 'Hi', sources: [], type: 'TEXT_CONTENT' }
    const cited = { type: 'citation-start', index: 0, delta: { message: { citations: citation } } }
    const events = readStream(start, text('Hi'), { type: 'content-end', index: 0 }, cited, end)
    expect(foldEvents(events).candidates[0]?.parts).toEqual([
      { type: 'text', text: 'Hi', citations: [{ startIndex: 0, endIndex: 2, raw: citation }] },
    ])
  })

  test('ends with the message, with or without [DONE]; [DONE] alone makes nothing whole', () => {
    const read = (body: string) => {
      const reader = cohereChat.createStreamReader()
      reader.read(Buffer.from(body))
      reader.end()
      return [reader.isComplete, reader.isTerminated, reader.anomalies]
    }
    const whole = data(start) + data(text('Hi')) + data(end)
    expect(read(whole)).toEqual([true, true, 0])
    expect(read(`${whole}data: [DONE]\n\n`)).toEqual([true, true, 0])
    expect(read(`${data(start)}${data(text('Hi'))}data: [DONE]\n\n`)).toEqual([false, true, 1])
  })

  test('a plain answer, or a refusal, in place of a stream is taken for what it is', () => {
    const answer = {
      id: 'a',
      message: { content: [{ type: 'text', text: 'Hi' }] },
      finish_reason: 'COMPLETE',
    }
    const read = (body: object) => readTargetStream(cohereChat, [Buffer.from(JSON.stringify(body))])
    expect(gist(foldEvents(read(answer)))[0]).toMatchObject({ text: 'Hi', finish: 'stop' })
    const [refused] = read({ message: 'too many requests', id: 'x' })
    expect(refused).toMatchObject({ type: 'error' })
  })

  test('log probabilities come with the text they belong to', () => {
    const logprobs = { token_ids: [7, 8], text: 'Hi', logprobs: [-0.1, -0.2] }
    const events = readStream(start, { ...text('Hi'), logprobs }, end)
    expect(foldEvents(events).candidates[0]?.logprobs).toEqual([
      { token: 'Hi', logprob: -0.1, bytes: null, top_logprobs: [] },
      { token: '', logprob: -0.2, bytes: null, top_logprobs: [] },
    ])
  })
})
