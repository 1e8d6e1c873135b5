import { describe, expect, test } from 'vitest'
import type { Message, Part } from '../../canonical/message.ts'
import type { InferenceRequest } from '../../canonical/request.ts'
import { bedrockConverse } from './index.ts'

const CLAUDE = 'us.anthropic.claude-sonnet-4-5-20250929-v1:0'
const hello: Message = { role: 'user', parts: [{ type: 'text', text: 'hi' }] }

function write(request: Partial<InferenceRequest>, modelId = CLAUDE) {
  const { fields, losses } = bedrockConverse.writeRequest(
    { modelId: 'm', messages: [hello], stream: false, wantsStreamUsage: false, ...request },
    { modelId, stream: false },
  )
  return { fields, losses: losses.map(({ field }) => field) }
}

function contentOf(...parts: Part[]) {
  const { fields, losses } = write({ messages: [{ role: 'user', parts }] })
  return { messages: fields['messages'], losses }
}

function say(role: Message['role'], text: string): Message {
  return { role, parts: [{ type: 'text', text }] }
}

test('says the least there can be: the model and the stream stand in the path', () => {
  expect(write({ stream: true })).toEqual({
    fields: { messages: [{ role: 'user', content: [{ text: 'hi' }] }] },
    losses: [],
  })
  const call = { operation: 'chat', modelId: CLAUDE, stream: false } as const
  expect(bedrockConverse.path(call)).toBe('/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse')
  expect(bedrockConverse.path({ ...call, modelId: 'arn:aws:x/y', stream: true })).toBe(
    '/model/arn%3Aaws%3Ax%2Fy/converse-stream',
  )
  expect(bedrockConverse.path({ ...call, operation: 'count-tokens' })).toMatch(/\/count-tokens$/)
  expect(() => bedrockConverse.path({ ...call, operation: 'embeddings' })).toThrow('embeddings')
})

describe('a conversation', () => {
  test('has its system apart, turns that alternate, and no blank text', () => {
    const messages = [
      say('system', 'a'),
      say('developer', 'b'),
      hello,
      say('user', 'more'),
      say('assistant', ' '),
      say('system', 'late'),
      say('assistant', 'Once \n'),
    ]
    expect(write({ messages }).fields).toEqual({
      system: [{ text: 'a' }, { text: 'b' }],
      messages: [
        { role: 'user', content: [{ text: 'hi' }, { text: 'more' }, { text: '<system>\nlate\n</system>' }] },
        { role: 'assistant', content: [{ text: 'Once' }] },
      ],
    })
  })

  test('of system messages only keeps the last as a user turn', () => {
    expect(write({ messages: [say('system', 'a'), say('system', 'b')] })).toEqual({
      fields: { system: [{ text: 'a' }], messages: [{ role: 'user', content: [{ text: 'b' }] }] },
      losses: ['messages.role'],
    })
  })

  test('pairs tool calls and results, results first, with ids Bedrock takes', () => {
    const long = 'x'.repeat(80)
    const messages: Message[] = [
      hello,
      {
        role: 'assistant',
        parts: [
          { type: 'tool-call', id: 'functions.f:0', name: 'f', arguments: '{"a":1}' },
          { type: 'tool-call', id: long, name: 'g', arguments: '' },
          { type: 'tool-call', id: 'c', name: 'g', arguments: '{"cut' },
        ],
      },
      {
        role: 'tool',
        parts: [
          { type: 'tool-result', toolCallId: 'functions.f:0', parts: [{ type: 'text', text: 'one' }] },
          { type: 'tool-result', toolCallId: long, parts: [], isError: true },
        ],
      },
    ]
    const { fields, losses } = write({ messages })
    expect(fields['messages']).toMatchObject([
      {},
      {
        content: [
          { toolUse: { toolUseId: 'functions_f_0', name: 'f', input: { a: 1 } } },
          { toolUse: { toolUseId: expect.stringMatching(/^tooluse_[0-9a-f]{40}$/), input: {} } },
          { toolUse: { input: { malformed_arguments: '{"cut' } } },
        ],
      },
      {
        role: 'user',
        content: [
          { toolResult: { toolUseId: 'functions_f_0', content: [{ text: 'one' }] } },
          { toolResult: { toolUseId: expect.stringMatching(/^tooluse_/), content: [], status: 'error' } },
        ],
      },
    ])
    expect(losses).toEqual(['messages.tool_calls.arguments'])
  })

  test('replays signed and encrypted reasoning, and no other', () => {
    const { fields, losses } = write({
      messages: [
        hello,
        {
          role: 'assistant',
          parts: [
            { type: 'reasoning', text: 'of somebody else' },
            { type: 'reasoning', text: 'of Gemini', signature: 'g', origin: 'google' },
            { type: 'reasoning', text: 'own', signature: 's' },
            { type: 'reasoning', text: '', encrypted: 'AAAA' },
            { type: 'text', text: 'ok' },
          ],
        },
        hello,
      ],
    })
    expect(fields['messages']).toMatchObject([
      {},
      {
        content: [
          { reasoningContent: { reasoningText: { text: 'own', signature: 's' } } },
          { reasoningContent: { redactedContent: 'AAAA' } },
          { text: 'ok' },
        ],
      },
      {},
    ])
    expect(losses).toEqual(['messages.thinking'])
  })
})

describe('media', () => {
  test('travel as bytes or from S3', () => {
    expect(
      contentOf(
        { type: 'image', source: { kind: 'base64', mediaType: 'image/jpg', data: 'AAAA' } },
        { type: 'image', source: { kind: 'url', url: 'data:image/png;base64,BBBB' } },
        { type: 'image', source: { kind: 'url', url: 's3://bucket/a.webp' } },
        { type: 'audio', source: { kind: 'base64', mediaType: 'audio/wav', data: 'CCCC' }, format: 'wav' },
        {
          type: 'document',
          source: { kind: 'base64', mediaType: 'application/pdf', data: 'DDDD' },
          title: 'a_b.pdf',
        },
        { type: 'document', source: { kind: 'text', mediaType: 'text/plain', text: 'abc' }, title: 'a_b' },
        {
          type: 'document',
          source: { kind: 'text', mediaType: 'text/csv', text: 'a,b' },
          wantsCitations: true,
        },
      ),
    ).toEqual({
      messages: [
        {
          role: 'user',
          content: [
            { image: { format: 'jpeg', source: { bytes: 'AAAA' } } },
            { image: { format: 'png', source: { bytes: 'BBBB' } } },
            { image: { format: 'webp', source: { s3Location: { uri: 's3://bucket/a.webp' } } } },
            { audio: { format: 'wav', source: { bytes: 'CCCC' } } },
            { document: { format: 'pdf', name: 'a-b', source: { bytes: 'DDDD' } } },
            { document: { format: 'txt', name: 'a-b 2', source: { text: 'abc' } } },
            {
              document: {
                format: 'csv',
                name: 'Document',
                source: { text: 'a,b' },
                citations: { enabled: true },
              },
            },
          ],
        },
      ],
      losses: [],
    })
  })

  test('that Bedrock cannot fetch or read are losses', () => {
    expect(
      contentOf(
        { type: 'text', text: 'see' },
        { type: 'image', source: { kind: 'url', url: 'https://a.example/i.png' }, detail: 'high' },
        { type: 'document', source: { kind: 'file', fileId: 'file-1' } },
        { type: 'audio', source: { kind: 'base64', mediaType: 'audio/midi', data: 'AA' } },
        { type: 'opaque', dialect: 'openai-chat', value: { type: 'odd' } },
      ).losses,
    ).toEqual([
      'messages.image_url.detail',
      'messages.image',
      'messages.file',
      'messages.audio',
      'messages.odd',
    ])
  })
})

describe('cache points', () => {
  const cached: Partial<InferenceRequest> = {
    messages: [
      { role: 'system', parts: [{ type: 'text', text: 's', cacheHint: {} }] },
      { role: 'user', parts: [{ type: 'text', text: 'u', cacheHint: { ttl: '1h' } }] },
    ],
    tools: [{ kind: 'function', name: 'f', cacheHint: {} }],
  }

  test('follow what is to be cached', () => {
    expect(write(cached).fields).toMatchObject({
      system: [{ text: 's' }, { cachePoint: { type: 'default' } }],
      messages: [{ content: [{ text: 'u' }, { cachePoint: { type: 'default', ttl: '1h' } }] }],
      toolConfig: { tools: [{ toolSpec: { name: 'f' } }, { cachePoint: { type: 'default' } }] },
    })
  })

  test('are said as each model takes them', () => {
    const nova = write(cached, 'amazon.nova-pro-v1:0').fields
    expect(nova).toMatchObject({
      messages: [{ content: [{ text: 'u' }, { cachePoint: { type: 'default' } }] }],
      toolConfig: { tools: [{ toolSpec: {} }] },
    })
    expect(JSON.stringify(nova)).not.toContain('1h')
    expect(JSON.stringify(write(cached, 'meta.llama3-8b-instruct-v1:0'))).not.toContain('cachePoint')
  })

  test('for the whole request end it', () => {
    expect(write({ cacheHint: {} }).fields['messages']).toEqual([
      { role: 'user', content: [{ text: 'hi' }, { cachePoint: { type: 'default' } }] },
    ])
  })
})

describe('tools', () => {
  const tool = { kind: 'function', name: 'f', description: 'does', isStrict: true } as const

  test('are said with an object schema, and chosen in Converse’s words', () => {
    expect(write({ tools: [tool], toolChoice: { type: 'required' } }).fields['toolConfig']).toEqual({
      tools: [
        {
          toolSpec: {
            name: 'f',
            description: 'does',
            inputSchema: { json: { type: 'object' } },
            strict: true,
          },
        },
      ],
      toolChoice: { any: {} },
    })
    expect(write({ tools: [tool], toolChoice: { type: 'tool', name: 'f' } }).fields).toMatchObject({
      toolConfig: { toolChoice: { tool: { name: 'f' } } },
    })
  })

  test('are left out where none may be called', () => {
    expect(write({ tools: [tool], toolChoice: { type: 'none' } })).toMatchObject({ losses: [] })
    expect(write({ tools: [tool], toolChoice: { type: 'none' } }).fields).not.toHaveProperty('toolConfig')
  })

  test('that the conversation used are named where the request names none', () => {
    const messages: Message[] = [
      hello,
      { role: 'assistant', parts: [{ type: 'tool-call', id: 'a', name: 'f', arguments: '{}' }] },
      { role: 'tool', parts: [{ type: 'tool-result', toolCallId: 'a', parts: [] }] },
    ]
    expect(write({ messages }).fields['toolConfig']).toEqual({
      tools: [{ toolSpec: { name: 'f', inputSchema: { json: { type: 'object' } } } }],
    })
    expect(write({ messages, tools: [tool], toolChoice: { type: 'none' } }).losses).toEqual(['tool_choice'])
  })

  test('of other dialects and the ban on parallel calls are losses', () => {
    const odd = { kind: 'opaque', dialect: 'openai-chat', value: { type: 'custom' } } as const
    expect(write({ tools: [tool, odd], allowsParallelToolCalls: false }).losses).toEqual([
      'tools.custom',
      'parallel_tool_calls',
    ])
  })
})

describe('sampling and reasoning', () => {
  test('that every model takes stand in inferenceConfig', () => {
    const asked = { maxOutputTokens: 5, temperature: 0, stopSequences: ['END', ' '] }
    expect(write({ ...asked, topP: 0.5 }, 'meta.llama3-8b-instruct-v1:0')).toEqual({
      fields: {
        messages: [{ role: 'user', content: [{ text: 'hi' }] }],
        inferenceConfig: { maxTokens: 5, temperature: 0, topP: 0.5, stopSequences: ['END'] },
      },
      losses: ['stop'],
    })
    expect(write({ temperature: 1.5 })).toMatchObject({
      fields: { inferenceConfig: { temperature: 1 } },
      losses: ['temperature'],
    })
  })

  test.each([
    [CLAUDE, { top_k: 7 }],
    ['amazon.nova-lite-v1:0', { inferenceConfig: { topK: 7 } }],
    ['mistral.mistral-large-2402-v1:0', { top_k: 7 }],
    ['cohere.command-r-v1:0', { k: 7 }],
    ['meta.llama3-8b-instruct-v1:0', undefined],
  ])('top_k is said to %s in its own way', (modelId, additional) => {
    const { fields, losses } = write({ topK: 7 }, modelId)
    expect(fields['additionalModelRequestFields']).toEqual(additional)
    expect(losses).toEqual(additional ? [] : ['top_k'])
  })

  test('Claude thinks with a budget below the ceiling, or adaptively', () => {
    expect(write({ reasoning: { effort: 'low' } }).fields).toMatchObject({
      inferenceConfig: { maxTokens: 2048 + 8192 },
      additionalModelRequestFields: { thinking: { type: 'enabled', budget_tokens: 2048 } },
    })
    const adaptive = write({ reasoning: { effort: 'high' } }, 'us.anthropic.claude-sonnet-4-6').fields
    expect(adaptive).toMatchObject({
      additionalModelRequestFields: { thinking: { type: 'adaptive' }, output_config: { effort: 'high' } },
    })
    expect(adaptive).not.toHaveProperty('inferenceConfig')
    expect(write({ temperature: 0.5 }, 'anthropic.claude-opus-4-8').losses).toEqual(['temperature'])
  })

  test.each([
    ['us.amazon.nova-2-lite-v1:0', { reasoningConfig: { type: 'enabled', maxReasoningEffort: 'low' } }],
    ['openai.gpt-oss-120b-1:0', { reasoning_effort: 'low' }],
    ['meta.llama3-8b-instruct-v1:0', undefined],
  ])('%s is asked for little reasoning in its own way', (modelId, additional) => {
    const { fields, losses } = write({ reasoning: { mode: 'on', budgetTokens: 1024 } }, modelId)
    expect(fields['additionalModelRequestFields']).toEqual(additional)
    expect(losses).toEqual(additional ? [] : ['reasoning'])
  })
})

test('says a schema, metadata and the service tier', () => {
  const schema = { type: 'object' }
  const request = {
    output: { type: 'json-schema', schema, name: 'n', isStrict: true },
    metadata: { job: 'a b', odd: 'ü' },
    serviceTier: 'flex',
  } as const
  expect(write(request)).toMatchObject({
    fields: {
      outputConfig: {
        textFormat: {
          type: 'json_schema',
          structure: { jsonSchema: { schema: '{"type":"object"}', name: 'n' } },
        },
      },
      requestMetadata: { job: 'a b' },
      serviceTier: { type: 'flex' },
    },
    losses: ['metadata'],
  })
  expect(write({ output: { type: 'json-object' }, serviceTier: 'scale' }).losses).toEqual([
    'response_format',
    'service_tier',
  ])
})

test('counts what costs input, and asks for nothing else', () => {
  const request: InferenceRequest = {
    modelId: 'm',
    messages: [say('system', 's'), hello],
    stream: false,
    wantsStreamUsage: false,
    tools: [{ kind: 'function', name: 'f' }],
    maxOutputTokens: 5,
    topK: 3,
  }
  expect(bedrockConverse.writeCountRequest?.(request, { modelId: CLAUDE }).fields).toEqual({
    input: {
      converse: {
        system: [{ text: 's' }],
        messages: [{ role: 'user', content: [{ text: 'hi' }] }],
        toolConfig: { tools: [{ toolSpec: { name: 'f', inputSchema: { json: { type: 'object' } } } }] },
        additionalModelRequestFields: { top_k: 3 },
      },
    },
  })
})

test('loses by name every parameter Converse does not have', () => {
  const { losses } = write({
    candidateCount: 2,
    logprobs: {},
    frequencyPenalty: 1,
    presencePenalty: 0,
    seed: 0,
    userId: 'u',
    promptCacheKey: 'k',
    vendor: { dialect: 'openai-chat', fields: { logit_bias: { 7: 1 }, store: false } },
  })
  expect(losses).toEqual([
    'n',
    'logprobs',
    'frequency_penalty',
    'seed',
    'user',
    'prompt_cache_key',
    'logit_bias',
  ])
})
