import { describe, expect, test } from 'vitest'
import type { Message, Part } from '../../canonical/message.ts'
import type { InferenceRequest } from '../../canonical/request.ts'
import { openaiChat } from './index.ts'

/** A request as another dialect would have read it. */
const foreign = (more: Partial<InferenceRequest> = {}): InferenceRequest => ({
  modelId: 'm',
  messages: [{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
  stream: false,
  wantsStreamUsage: true,
  ...more,
})
const write = (request: InferenceRequest, stream = false) =>
  openaiChat.writeRequest(request, { modelId: 'target', stream })
const written = (...messages: Message[]) => write(foreign({ messages }))
const lossesOf = (more: Partial<InferenceRequest>) => write(foreign(more)).losses.map(({ field }) => field)
const text = (value: string): Part => ({ type: 'text', text: value })

describe('messages of other dialects', () => {
  test('tool results become messages of their own, before what the user says beside them', () => {
    const { fields, losses } = written({
      role: 'user',
      parts: [
        { type: 'tool-result', toolCallId: 'a', parts: [text('1'), text('2')] },
        { type: 'tool-result', toolCallId: 'b', parts: [text('no')], isError: true },
        text('and now?'),
      ],
    })
    expect(fields['messages']).toEqual([
      { role: 'tool', tool_call_id: 'a', content: '1\n2' },
      { role: 'tool', tool_call_id: 'b', content: 'Error: no' },
      { role: 'user', content: 'and now?' },
    ])
    expect(losses).toEqual([])
  })

  test('what a tool showed follows the whole row of results, in a message of the user', () => {
    const image: Part = { type: 'image', source: { kind: 'base64', data: 'AA', mediaType: 'image/png' } }
    const { fields } = written(
      { role: 'tool', parts: [{ type: 'tool-result', toolCallId: 'a', parts: [image] }] },
      { role: 'tool', parts: [{ type: 'tool-result', toolCallId: 'b', parts: [text('2')] }] },
      { role: 'user', parts: [text('well?')] },
    )
    expect(fields['messages']).toEqual([
      { role: 'tool', tool_call_id: 'a', content: 'The result follows in the next message.' },
      { role: 'tool', tool_call_id: 'b', content: '2' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'From the result of tool call a:' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA' } },
          { type: 'text', text: 'well?' },
        ],
      },
    ])
  })

  test('media of the last results are not forgotten', () => {
    const image: Part = { type: 'image', source: { kind: 'url', url: 'https://i' } }
    const { fields } = written({
      role: 'user',
      parts: [{ type: 'tool-result', toolCallId: 'a', parts: [text('x'), image] }],
    })
    expect(fields['messages']).toMatchObject([
      { role: 'tool', content: 'x' },
      { role: 'user', content: [{}, { type: 'image_url' }] },
    ])
  })

  test('system and developer messages stay in place, as one string', () => {
    const { fields } = written(
      { role: 'system', parts: [text('a'), text('b')] },
      { role: 'user', parts: [text('hi')] },
      { role: 'system', parts: [text('c')] },
    )
    expect(fields['messages']).toEqual([
      { role: 'system', content: 'a\n\nb' },
      { role: 'user', content: 'hi' },
      { role: 'system', content: 'c' },
    ])
  })

  test('an assistant says, calls and keeps its reasoning to itself', () => {
    const { fields, losses } = written({
      role: 'assistant',
      parts: [
        { type: 'reasoning', text: 'hm', signature: 's' },
        { type: 'reasoning', text: '', encrypted: 'e' },
        text('a'),
        text('b'),
        { type: 'tool-call', id: 'c', name: 'f', arguments: '' },
      ],
    })
    expect(fields['messages']).toEqual([
      {
        role: 'assistant',
        content: 'ab',
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
    ])
    expect(losses.map(({ field }) => field)).toEqual(['messages.thinking'])
    expect(JSON.stringify(fields)).not.toMatch(/"s"|"e"|hm/)
  })

  test('what a document is about stands before it, and citations are lost', () => {
    const source = { kind: 'base64', data: 'AA', mediaType: 'application/pdf' } as const
    const part: Part = { type: 'document', source, context: 'Old.', wantsCitations: true }
    const { fields, losses } = written({ role: 'user', parts: [part] })
    expect(fields['messages']).toMatchObject([
      { content: [{ type: 'text', text: 'Old.' }, { type: 'file' }] },
    ])
    expect(losses.map(({ field }) => field)).toEqual(['messages.document.citations'])
  })

  test.each([
    ['mpeg', 'mp3'],
    ['x-wav', 'wav'],
    ['flac', 'flac'],
  ])('a sound of kind %s is called %s', (format, word) => {
    const source = { kind: 'base64', data: 'AA', mediaType: `audio/${format}` } as const
    const { fields } = written({ role: 'user', parts: [{ type: 'audio', source, format }] })
    expect(fields['messages']).toMatchObject([{ content: [{ input_audio: { format: word } }] }])
  })

  test('documents: PDF as a file, text as text, what cannot be carried as a word and a loss', () => {
    const document = (source: Extract<Part, { type: 'document' }>['source']): Part => ({
      type: 'document',
      source,
      title: 'T',
    })
    const { fields, losses } = written({
      role: 'user',
      parts: [
        document({ kind: 'base64', data: 'AA', mediaType: 'application/pdf' }),
        document({ kind: 'text', text: 'words', mediaType: 'text/plain' }),
        document({ kind: 'url', url: 'https://x/y.pdf' }),
        { type: 'image', source: { kind: 'file', fileId: 'f' } },
        { type: 'opaque', dialect: 'anthropic-messages', value: { type: 'container_upload' } },
      ],
    })
    expect(fields['messages']).toMatchObject([
      {
        content: [
          { type: 'file', file: { filename: 'T', file_data: 'data:application/pdf;base64,AA' } },
          { type: 'text', text: 'T\nwords' },
          { type: 'text' },
          { type: 'text' },
        ],
      },
    ])
    expect(losses.map(({ field }) => field)).toEqual([
      'messages.document',
      'messages.image',
      'messages.container_upload',
    ])
  })
})

describe('options of other dialects', () => {
  test('a stream asks for its usage; a plain request says nothing of it', () => {
    expect(write(foreign(), true).fields).toMatchObject({
      stream: true,
      stream_options: { include_usage: true },
    })
    expect(write(foreign()).fields).not.toHaveProperty('stream')
  })

  test.each([
    [{ mode: 'on', budgetTokens: 1024 }, 'low'],
    [{ mode: 'on', budgetTokens: 2048 }, 'low'],
    [{ mode: 'on', budgetTokens: 8192 }, 'medium'],
    [{ mode: 'on', budgetTokens: 8193 }, 'high'],
    [{ mode: 'adaptive', effort: 'medium' }, 'medium'],
    [{ mode: 'adaptive' }, undefined],
    [{ mode: 'off' }, undefined],
    [{ effort: 'max' }, 'high'],
  ] as const)('reasoning %j is effort %s', (reasoning, effort) => {
    expect(write(foreign({ reasoning })).fields['reasoning_effort']).toBe(effort)
  })

  test("verbosity is said as OpenAI's other dialect says it, where that is all it says of text", () => {
    const vendor = (text: object) => ({ dialect: 'openai-responses', fields: { text: { ...text } } })
    const { fields, losses } = write(foreign({ vendor: vendor({ verbosity: 'low' }) }))
    expect(fields).toMatchObject({ verbosity: 'low' })
    expect(losses).toEqual([])
    expect(lossesOf({ vendor: vendor({ verbosity: 'low', more: 1 }) })).toEqual(['text'])
    expect(lossesOf({ vendor: { dialect: 'gemini', fields: { text: { verbosity: 'low' } } } })).toEqual([
      'text',
    ])
  })

  test('what the dialect has no word for is lost by name', () => {
    expect(
      lossesOf({
        topK: 5,
        metadata: { a: 1 },
        serviceTier: 'standard_only',
        reasoning: { mode: 'off' },
        vendor: {
          dialect: 'anthropic-messages',
          fields: { context_management: { edits: [] }, mcp_servers: [{}] },
        },
        tools: [
          {
            kind: 'opaque',
            dialect: 'anthropic-messages',
            name: 'web_search',
            value: { type: 'web_search_1' },
          },
        ],
        userId: 'u'.repeat(65),
      }).toSorted(),
    ).toEqual([
      'context_management',
      'mcp_servers',
      'metadata',
      'metadata.user_id',
      'service_tier',
      'thinking',
      'tools.web_search',
      'top_k',
    ])
    expect(lossesOf({ serviceTier: 'auto', userId: 'u', cacheHint: {} })).toEqual([])
  })

  test('a choice without tools is not said', () => {
    expect(
      write(foreign({ toolChoice: { type: 'auto' }, allowsParallelToolCalls: false })).fields,
    ).not.toHaveProperty('tool_choice')
    const tools = [{ kind: 'function', name: 'f', parameters: { type: 'object' } }] as const
    expect(
      write(foreign({ tools, toolChoice: { type: 'tool', name: 'f' }, allowsParallelToolCalls: false }))
        .fields,
    ).toMatchObject({
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
      tool_choice: { type: 'function', function: { name: 'f' } },
      parallel_tool_calls: false,
    })
  })

  test('a schema gets a name in the alphabet of the dialect', () => {
    const output = { type: 'json-schema', schema: { type: 'object' }, name: 'my schema!' } as const
    expect(write(foreign({ output })).fields['response_format']).toEqual({
      type: 'json_schema',
      json_schema: { name: 'my_schema_', schema: { type: 'object' } },
    })
  })
})

describe('requests of this dialect', () => {
  const roundTrip = (fields: object) => {
    const request = openaiChat.readRequest(
      Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], ...fields })),
    )
    return openaiChat.writeRequest(request, { modelId: 'm', stream: true })
  }

  test.each([
    [{ logit_bias: { '1': 2 }, prediction: { type: 'content', content: 'x' }, store: true, brand_new: [1] }],
    [{ top_k: 4, reasoning_effort: 'none', n: 2, user: 'u', metadata: { a: 'b' }, service_tier: 'flex' }],
    [{ logprobs: true, top_logprobs: 3, seed: 0, temperature: 0, parallel_tool_calls: false }],
    [{ response_format: { type: 'grammar', grammar: 'x' } }],
    [
      {
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'n', description: 'd', schema: { a: 1 }, strict: true },
        },
      },
    ],
    [
      {
        tools: [{ type: 'custom', custom: { name: 'c' } }, { type: 'web_search' }],
        tool_choice: { type: 'allowed_tools', x: 1 },
      },
    ],
    [{ stream_options: { include_obfuscation: false, include_usage: true } }],
    [{ reasoning: { effort: 'high', exclude: true } }],
    [{ modalities: ['text', 'audio'], audio: { voice: 'a', format: 'wav' } }],
    [
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'video_url', video_url: { url: 'x' } },
              { type: 'input_audio', input_audio: { data: 'AA', format: 'mp3' } },
            ],
          },
        ],
      },
    ],
    [
      {
        messages: [
          {
            role: 'user',
            name: 'Ann',
            content: [{ type: 'text', text: 'a', cache_control: { type: 'ephemeral', ttl: '1h' } }],
          },
        ],
      },
    ],
    [
      {
        messages: [
          { role: 'user', content: 'x' },
          {
            role: 'assistant',
            content: 'y',
            prefix: true,
            reasoning_content: 'hm',
            reasoning_details: [{ type: 'x' }],
          },
        ],
      },
    ],
    [
      {
        messages: [
          { role: 'assistant', content: '', audio: { id: 'audio_1' } },
          { role: 'user', content: 'x' },
        ],
      },
    ],
    [
      {
        messages: [
          {
            role: 'assistant',
            content: null,
            tool_calls: [
              {
                id: 'a',
                type: 'function',
                function: { name: 'f', arguments: '{}' },
                extra_content: { g: 1 },
              },
            ],
          },
          {
            role: 'tool',
            tool_call_id: 'a',
            content: [
              { type: 'text', text: 'a' },
              { type: 'text', text: 'b' },
            ],
          },
        ],
      },
    ],
  ])('%j survives', (fields) => {
    const { fields: said, losses } = roundTrip(fields)
    expect(losses).toEqual([])
    expect(said).toMatchObject(fields)
  })

  test('legacy functions become tools, and their results find their calls', () => {
    const { fields } = roundTrip({
      functions: [{ name: 'f', parameters: {} }],
      function_call: { name: 'f' },
      messages: [
        { role: 'user', content: 'x' },
        { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
        { role: 'function', name: 'f', content: '1' },
      ],
    })
    expect(fields).toMatchObject({
      tools: [{ type: 'function', function: { name: 'f' } }],
      tool_choice: { type: 'function', function: { name: 'f' } },
      messages: [
        {},
        { tool_calls: [{ id: 'call_unnamed_1' }] },
        { role: 'tool', tool_call_id: 'call_unnamed_1', content: '1' },
      ],
    })
  })

  test('results without an id answer the calls in order', () => {
    const call = { id: '', type: 'function', function: { name: 'f', arguments: '{}' } }
    const { fields } = roundTrip({
      messages: [
        { role: 'assistant', tool_calls: [call, call] },
        { role: 'tool', tool_call_id: '', content: '1' },
        { role: 'tool', content: '2' },
      ],
    })
    expect(fields['messages']).toMatchObject([
      {},
      { tool_call_id: 'call_unnamed_1' },
      { tool_call_id: 'call_unnamed_2' },
    ])
  })

  test.each([
    [[{ role: 'x' }], 'messages[0].role'],
    [['hi'], 'messages[0]'],
    [[{ role: 'user', content: 7 }], 'messages[0].content'],
    [[{ role: 'user', content: [{ type: 'text' }] }], 'messages[0].content[0].text'],
    [[{ role: 'user', content: [{ type: 'image_url' }] }], 'messages[0].content[0].image_url.url'],
    [[{ role: 'tool', content: 'x' }], 'messages[0].tool_call_id'],
    [[{ role: 'assistant', tool_calls: [{ id: 'a' }] }], 'messages[0].tool_calls[0].function.name'],
  ])('%j is refused, naming %s', (messages, param) => {
    expect(() => roundTrip({ messages })).toThrow(
      expect.objectContaining({ code: 'invalid_request', facts: expect.objectContaining({ param }) }),
    )
  })
})
