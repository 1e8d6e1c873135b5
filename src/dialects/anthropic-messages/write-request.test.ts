import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Message, Part } from '../../canonical/message.ts'
import type { InferenceRequest } from '../../canonical/request.ts'
import type { JsonObject } from '../../std/json.ts'
import { MAX_TOKENS_DEFAULT } from './write-reasoning.ts'
import { writeRequest } from './write-request.ts'

const hello: Message = { role: 'user', parts: [{ type: 'text', text: 'hi' }] }

function write(request: Partial<InferenceRequest>, modelId = 'claude-sonnet-4-5') {
  const { fields, losses } = writeRequest(
    { modelId: 'm', messages: [hello], stream: false, wantsStreamUsage: false, ...request },
    { modelId, stream: false },
  )
  return { fields, losses: losses.map(({ field }) => field) }
}

function say(role: Message['role'], ...texts: string[]): Message {
  return { role, parts: texts.map((text) => ({ type: 'text', text })) }
}

test('says the least there can be, with the ceiling Anthropic requires', () => {
  expect(write({})).toEqual({
    fields: {
      model: 'claude-sonnet-4-5',
      max_tokens: MAX_TOKENS_DEFAULT,
      messages: [{ role: 'user', content: 'hi' }],
    },
    losses: [],
  })
})

test('asks for a stream when told to', () => {
  const request = { modelId: 'm', messages: [hello], stream: false, wantsStreamUsage: false }
  expect(writeRequest(request, { modelId: 'x', stream: true }).fields['stream']).toBe(true)
})

describe('messages', () => {
  function messages(...list: Message[]): { messages: unknown; system: unknown; losses: readonly string[] } {
    const { fields, losses } = write({ messages: list })
    return { messages: fields['messages'], system: fields['system'], losses }
  }

  test('put leading system and developer messages into system', () => {
    expect(messages(say('system', 'a'), say('developer', 'b'), hello)).toEqual({
      system: [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      messages: [{ role: 'user', content: 'hi' }],
      losses: [],
    })
    expect(messages(say('system', 'a'), hello).system).toBe('a')
  })

  test('keep a later system message in place, as labelled text of a user turn', () => {
    expect(messages(hello, say('system', 'late'), say('assistant', 'ok')).messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'hi' },
          { type: 'text', text: '<system>\nlate\n</system>' },
        ],
      },
      { role: 'assistant', content: 'ok' },
    ])
  })

  test('send the last of system messages alone as the user turn', () => {
    const only = messages(say('system', 'a'), say('system', 'b'))
    expect(only).toEqual({
      system: 'a',
      messages: [{ role: 'user', content: 'b' }],
      losses: ['messages.role'],
    })
  })

  test('join neighbouring turns of one role and drop empty ones', () => {
    expect(
      messages(say('user', 'a'), say('assistant', ''), say('user', 'b'), say('assistant', 'c')).messages,
    ).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      { role: 'assistant', content: 'c' },
    ])
  })

  test('trim the end of an answer begun for the model', () => {
    expect(messages(hello, say('assistant', 'Once \n')).messages).toEqual([
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'Once' },
    ])
  })

  test('put tool results of one round first in one user turn', () => {
    const calls: Message = {
      role: 'assistant',
      parts: [
        { type: 'tool-call', id: 'a', name: 'f', arguments: '{"x":1}' },
        { type: 'tool-call', id: 'b', name: 'f', arguments: '' },
      ],
    }
    const result = (toolCallId: string): Message => ({
      role: 'tool',
      parts: [{ type: 'tool-result', toolCallId, parts: [{ type: 'text', text: `r${toolCallId}` }] }],
    })
    expect(
      messages(hello, calls, say('system', 'note'), result('a'), result('b'), say('user', 'go')).messages,
    ).toEqual([
      { role: 'user', content: 'hi' },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
          { type: 'tool_use', id: 'b', name: 'f', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'a', content: 'ra' },
          { type: 'tool_result', tool_use_id: 'b', content: 'rb' },
          { type: 'text', text: '<system>\nnote\n</system>' },
          { type: 'text', text: 'go' },
        ],
      },
    ])
  })

  test('give tool calls ids Anthropic takes, the same for call and result, none twice', () => {
    const round: Message[] = [
      {
        role: 'assistant',
        parts: [
          { type: 'tool-call', id: 'functions.add:0', name: 'f', arguments: '{}' },
          { type: 'tool-call', id: '', name: 'f', arguments: '{}' },
          { type: 'tool-call', id: '', name: 'f', arguments: '{}' },
        ],
      },
      {
        role: 'tool',
        parts: ['functions.add:0', '', ''].map(
          (toolCallId): Part => ({ type: 'tool-result', toolCallId, parts: [] }),
        ),
      },
    ]
    const written = messages(hello, ...round, ...round).messages as {
      content: { id?: string; tool_use_id?: string }[]
    }[]
    const calls = [1, 3].flatMap((index) => (written[index]?.content ?? []).map(({ id }) => id))
    const results = [2, 4].flatMap((index) =>
      (written[index]?.content ?? []).map(({ tool_use_id: id }) => id),
    )
    expect(results).toEqual(calls)
    expect(new Set(calls).size).toBe(6)
    for (const id of calls) expect(id).toMatch(/^[a-zA-Z0-9_-]+$/)
  })

  test('show malformed arguments as they were and say so', () => {
    const call = (text: string): Message => ({
      role: 'assistant',
      parts: [{ type: 'tool-call', id: 'a', name: 'f', arguments: text }],
    })
    for (const text of ['{"a": 1', '[1]', '"x"']) {
      const { messages: written, losses } = messages(hello, call(text))
      expect(written).toMatchObject([{}, { content: [{ input: { malformed_arguments: text } }] }])
      expect(losses).toEqual(['messages.tool_calls.arguments'])
    }
  })

  test('drop reasoning that is not signed, and replay what is', () => {
    const { messages: written, losses } = messages(hello, {
      role: 'assistant',
      parts: [
        { type: 'reasoning', text: 'of another provider' },
        { type: 'reasoning', text: 'own', signature: 's' },
        { type: 'reasoning', text: '', encrypted: 'e' },
        { type: 'text', text: 'ok' },
      ],
    })
    expect(written).toMatchObject([
      {},
      {
        content: [
          { type: 'thinking', thinking: 'own', signature: 's' },
          { type: 'redacted_thinking', data: 'e' },
          { type: 'text', text: 'ok' },
        ],
      },
    ])
    expect(losses).toEqual(['messages.reasoning'])
  })

  test('say images and documents in Anthropic’s sources', () => {
    const parts: Part[] = [
      { type: 'image', source: { kind: 'url', url: 'data:image/jpg;base64,AAAA' }, detail: 'high' },
      { type: 'image', source: { kind: 'url', url: 'https://a.example/i.png' }, detail: 'auto' },
      {
        type: 'document',
        source: { kind: 'base64', mediaType: 'application/pdf', data: 'BBBB' },
        title: 'a.pdf',
      },
      { type: 'document', source: { kind: 'base64', mediaType: 'text/csv', data: 'YSxi' } },
    ]
    const { messages: written, losses } = messages({ role: 'user', parts })
    expect(written).toEqual([
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: 'AAAA' } },
          { type: 'image', source: { type: 'url', url: 'https://a.example/i.png' } },
          {
            type: 'document',
            source: { type: 'base64', media_type: 'application/pdf', data: 'BBBB' },
            title: 'a.pdf',
          },
          { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'a,b' } },
        ],
      },
    ])
    expect(losses).toEqual(['messages.image_url.detail'])
  })

  test('lose by name what Anthropic cannot take', () => {
    const parts: Part[] = [
      { type: 'text', text: 'hi' },
      { type: 'audio', source: { kind: 'base64', mediaType: 'audio/wav', data: 'AA' } },
      { type: 'image', source: { kind: 'base64', mediaType: 'image/tiff', data: 'AA' } },
      { type: 'document', source: { kind: 'file', fileId: 'file-openai' } },
      { type: 'opaque', dialect: 'openai-chat', value: { type: 'odd' } },
    ]
    expect(messages({ role: 'user', name: 'Ann', parts })).toEqual({
      system: undefined,
      messages: [{ role: 'user', content: 'hi' }],
      losses: ['messages.name', 'messages.audio', 'messages.image', 'messages.file', 'messages.odd'],
    })
  })
})

describe('tools', () => {
  const tool = { kind: 'function', name: 'f' } as const

  test('always have an object schema', () => {
    const { fields } = write({ tools: [tool, { ...tool, parameters: { properties: {} }, isStrict: true }] })
    expect(fields['tools']).toEqual([
      { name: 'f', input_schema: { type: 'object', properties: {} } },
      { name: 'f', input_schema: { type: 'object', properties: {} }, strict: true },
    ])
  })

  test('are chosen in Anthropic’s words', () => {
    const choose = (request: Partial<InferenceRequest>) =>
      write({ tools: [tool], ...request }).fields['tool_choice']
    expect(choose({ toolChoice: { type: 'required' } })).toEqual({ type: 'any' })
    expect(choose({ toolChoice: { type: 'tool', name: 'f' }, allowsParallelToolCalls: false })).toEqual({
      type: 'tool',
      name: 'f',
      disable_parallel_tool_use: true,
    })
    expect(choose({ toolChoice: { type: 'none' }, allowsParallelToolCalls: false })).toEqual({ type: 'none' })
    expect(choose({ allowsParallelToolCalls: false })).toEqual({
      type: 'auto',
      disable_parallel_tool_use: true,
    })
    expect(choose({ allowsParallelToolCalls: true })).toBeUndefined()
  })

  test('are not chosen among where there are none', () => {
    expect(write({ toolChoice: { type: 'auto' } }).fields).not.toHaveProperty('tool_choice')
  })

  test('of another dialect are a loss', () => {
    const foreign = { kind: 'opaque', dialect: 'openai-chat', value: { type: 'custom' } } as const
    expect(write({ tools: [foreign] })).toMatchObject({ losses: ['tools'] })
  })
})

describe('reasoning', () => {
  const effort = (word: string) => ({ reasoning: { effort: word } })
  const reasoningOf = ({ fields }: { fields: JsonObject }) => [
    fields['thinking'],
    fields['output_config'],
    fields['max_tokens'],
  ]

  test('is a budget for models up to 4.5 and adaptive after', () => {
    expect(reasoningOf(write(effort('low'), 'claude-sonnet-4-5-20250929'))).toEqual([
      { type: 'enabled', budget_tokens: 2048 },
      undefined,
      2048 + MAX_TOKENS_DEFAULT,
    ])
    for (const model of ['claude-opus-4-6', 'claude-sonnet-5', 'anthropic/claude-opus-4.7']) {
      expect(reasoningOf(write(effort('minimal'), model))).toEqual([
        { type: 'adaptive' },
        { effort: 'low' },
        MAX_TOKENS_DEFAULT,
      ])
    }
  })

  test('is a loss for models that do not think', () => {
    expect(write(effort('low'), 'claude-3-5-haiku-20241022')).toMatchObject({ losses: ['reasoning'] })
  })

  test('fits its budget below the ceiling of the client', () => {
    expect(reasoningOf(write({ ...effort('high'), maxOutputTokens: 4000 }))).toEqual([
      { type: 'enabled', budget_tokens: 3999 },
      undefined,
      4000,
    ])
    expect(write({ ...effort('high'), maxOutputTokens: 1024 })).toMatchObject({ losses: ['reasoning'] })
  })

  test('can be switched off', () => {
    expect(write({ reasoning: { mode: 'off' } }).fields['thinking']).toEqual({ type: 'disabled' })
    expect(write(effort('none')).fields['thinking']).toEqual({ type: 'disabled' })
    expect(write(effort('none'), 'claude-3-haiku-20240307').fields).not.toHaveProperty('thinking')
  })

  test('gives way to a forced tool', () => {
    const forced = { tools: [{ kind: 'function', name: 'f' }], toolChoice: { type: 'required' } } as const
    const { fields, losses } = write({ ...effort('low'), ...forced })
    expect(losses).toEqual(['reasoning'])
    expect(fields).not.toHaveProperty('thinking')
  })

  test('with a budget gives way to a tool call that was not thought by Claude', () => {
    const call: Part = { type: 'tool-call', id: 'a', name: 'f', arguments: '{}' }
    const rest: Message[] = [{ role: 'tool', parts: [{ type: 'tool-result', toolCallId: 'a', parts: [] }] }]
    const unsigned: Message[] = [hello, { role: 'assistant', parts: [call] }, ...rest]
    expect(write({ ...effort('low'), messages: unsigned }).losses).toEqual(['reasoning'])
    const thought: Part = { type: 'reasoning', text: 't', signature: 's' }
    const signed: Message[] = [hello, { role: 'assistant', parts: [thought, call] }, ...rest]
    expect(write({ ...effort('low'), messages: signed }).losses).toEqual([])
    expect(write({ ...effort('low'), messages: unsigned }, 'claude-opus-4-6').losses).toEqual([])
  })

  test('leaves no room for sampling', () => {
    const sampling = { temperature: 0.5, topP: 0.9, topK: 4 }
    expect(write({ ...effort('low'), ...sampling }).losses).toEqual(['temperature', 'top_p', 'top_k'])
    expect(write({ ...effort('low'), temperature: 1 }).losses).toEqual([])
  })
})

describe('sampling', () => {
  test('is clamped to the range of Anthropic', () => {
    expect(write({ temperature: 1.7 })).toMatchObject({ fields: { temperature: 1 }, losses: ['temperature'] })
    expect(write({ temperature: 0 }).fields['temperature']).toBe(0)
  })

  test('keeps temperature where a model takes only one of temperature and top_p', () => {
    expect(write({ temperature: 0.5, topP: 0.9 })).toMatchObject({ losses: ['top_p'] })
    expect(write({ temperature: 0.5, topP: 0.9 }, 'claude-3-7-sonnet-latest')).toMatchObject({
      fields: { temperature: 0.5, top_p: 0.9 },
      losses: [],
    })
  })

  test('is left out for models that refuse it', () => {
    const { fields, losses } = write({ temperature: 0.2, topK: 4 }, 'claude-opus-4-8')
    expect(losses).toEqual(['temperature', 'top_k'])
    expect(fields).not.toHaveProperty('temperature')
  })
})

test('says a schema as output_config.format, and loses JSON mode without one', () => {
  const schema = { type: 'object', additionalProperties: false }
  expect(write({ output: { type: 'json-schema', schema, name: 'n', isStrict: true } })).toMatchObject({
    fields: { output_config: { format: { type: 'json_schema', schema } } },
    losses: [],
  })
  expect(write({ output: { type: 'json-object' } }).losses).toEqual(['response_format'])
  expect(write({ output: { type: 'text' } }).losses).toEqual([])
})

test('says user, stops and service tier', () => {
  expect(write({ userId: 'u', stopSequences: ['END', ' '], serviceTier: 'default' })).toMatchObject({
    fields: { metadata: { user_id: 'u' }, stop_sequences: ['END'], service_tier: 'standard_only' },
    losses: ['stop'],
  })
  expect(write({ userId: 'u'.repeat(600), serviceTier: 'flex' }).losses).toEqual(['user', 'service_tier'])
})

test('loses by name every parameter Anthropic does not have', () => {
  const { losses } = write({
    candidateCount: 2,
    logprobs: { top: 2 },
    frequencyPenalty: 1,
    presencePenalty: 1,
    seed: 0,
    modalities: ['text', 'audio'],
    audio: { voice: 'x' },
    metadata: { a: 'b' },
    promptCacheKey: 'k',
    vendor: { dialect: 'openai-chat', fields: { logit_bias: {} } },
  })
  expect(losses).toEqual([
    'n',
    'logprobs',
    'frequency_penalty',
    'presence_penalty',
    'seed',
    'modalities',
    'audio',
    'metadata',
    'prompt_cache_key',
    'logit_bias',
  ])
  expect(
    write({ candidateCount: 1, frequencyPenalty: 0, presencePenalty: 0, modalities: ['text'] }).losses,
  ).toEqual([])
})

test('never fails, whatever the conversation', () => {
  const part: fc.Arbitrary<Part> = fc.oneof(
    fc.record({ type: fc.constant('text' as const), text: fc.string() }),
    fc.record({
      type: fc.constant('tool-call' as const),
      id: fc.string(),
      name: fc.string(),
      arguments: fc.oneof(fc.string(), fc.json()),
    }),
    fc.record({ type: fc.constant('tool-result' as const), toolCallId: fc.string(), parts: fc.constant([]) }),
    fc.record({ type: fc.constant('reasoning' as const), text: fc.string(), signature: fc.string() }),
    fc.record({ type: fc.constant('refusal' as const), text: fc.string() }),
  )
  const message: fc.Arbitrary<Message> = fc.record({
    role: fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool'),
    parts: fc.array(part, { maxLength: 4 }),
  })
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), (list) => {
      const written = write({ messages: list }).fields['messages'] as {
        role: string
        content: string | JsonObject[]
      }[]
      let ids: unknown[] = []
      for (const [index, turn] of written.entries()) {
        expect(turn.role).not.toBe(written[index - 1]?.role)
        expect(turn.content.length).toBeGreaterThan(0)
        if (typeof turn.content === 'string') continue
        ids = [...ids, ...turn.content.filter(({ type }) => type === 'tool_use').map(({ id }) => id)]
        const firstOther = turn.content.findIndex(({ type }) => type !== 'tool_result')
        expect(
          turn.content
            .slice(Math.max(0, firstOther))
            .some(({ type }) => type === 'tool_result' && firstOther >= 0),
        ).toBe(false)
      }
      expect(new Set(ids).size).toBe(ids.length)
    }),
  )
})
