/** What Gemini is told, of requests that came in its own dialect and of others. */

import { describe, expect, test } from 'vitest'
import type { Message, Part } from '../../canonical/message.ts'
import type { InferenceRequest, ReasoningOptions, ToolDefinition } from '../../canonical/request.ts'
import type { JsonObject } from '../../std/json.ts'
import { gemini } from './index.ts'

const hi: Message = { role: 'user', parts: [{ type: 'text', text: 'hi' }] }

function write(request: Partial<InferenceRequest>, modelId = 'gemini-2.5-flash') {
  const { fields, losses } = gemini.writeRequest(
    { modelId: 'm', messages: [hi], stream: false, wantsStreamUsage: true, ...request },
    { modelId, stream: false },
  )
  return {
    fields: JSON.parse(JSON.stringify(fields)) as JsonObject,
    losses: losses.map(({ field }) => field),
  }
}

const contentsOf = (messages: readonly Message[], modelId?: string) =>
  write({ messages }, modelId).fields['contents']
const assistant = (...parts: readonly Part[]): Message => ({ role: 'assistant', parts })
const result = (toolCallId: string, ...parts: readonly Part[]): Message => ({
  role: 'tool',
  parts: [{ type: 'tool-result', toolCallId, parts }],
})
const text = (words: string): Part => ({ type: 'text', text: words })
const call = (id: string, name = 'f', args = '{}'): Part => ({ type: 'tool-call', id, name, arguments: args })
const image: Part = { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'iVBO' } }

describe('a conversation', () => {
  test('has one instruction, then turns of the user and the model', () => {
    expect(
      write({
        messages: [
          { role: 'system', parts: [text('One.')] },
          { role: 'developer', parts: [text('Two.')] },
          hi,
          { role: 'user', parts: [text('again')] },
          assistant(text('Hello.')),
          { role: 'system', parts: [text('Now be brief.')] },
          hi,
        ],
      }),
    ).toEqual({
      fields: {
        systemInstruction: { parts: [{ text: 'One.' }, { text: 'Two.' }] },
        contents: [
          { role: 'user', parts: [{ text: 'hi' }, { text: 'again' }] },
          { role: 'model', parts: [{ text: 'Hello.' }] },
          { role: 'user', parts: [{ text: '<system>\nNow be brief.\n</system>' }, { text: 'hi' }] },
        ],
      },
      losses: [],
    })
  })

  test('always asks something, and a call is never its first word', () => {
    expect(contentsOf([{ role: 'system', parts: [text('Say hi.')] }])).toEqual([
      { role: 'user', parts: [{ text: '<system>\nSay hi.\n</system>' }] },
    ])
    expect(contentsOf([{ role: 'user', parts: [] }])).toEqual([{ role: 'user', parts: [{ text: '' }] }])
    expect(contentsOf([assistant(call('a')), result('a', text('ok'))])).toMatchObject([
      { role: 'user', parts: [{ text: '' }] },
      { role: 'model' },
      { role: 'user' },
    ])
  })

  test('leaves out a silent model, so that the user speaks once', () => {
    expect(contentsOf([hi, assistant(text('')), hi])).toEqual([
      { role: 'user', parts: [{ text: 'hi' }, { text: 'hi' }] },
    ])
  })
})

describe('calls and results', () => {
  test('of one turn stand together, named after their calls', () => {
    expect(
      contentsOf([
        hi,
        assistant(text('Wait.'), call('a', 'f', '{"x":1}'), call('b', 'g', '')),
        result('b', text('{"temperature":3}')),
        result('a', text('one'), text('two')),
        hi,
      ]),
    ).toEqual([
      { role: 'user', parts: [{ text: 'hi' }] },
      {
        role: 'model',
        parts: [
          { text: 'Wait.' },
          { functionCall: { id: 'a', name: 'f', args: { x: 1 } } },
          { functionCall: { id: 'b', name: 'g', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'b', name: 'g', response: { temperature: 3 } } },
          { functionResponse: { id: 'a', name: 'f', response: { output: 'one\ntwo' } } },
          { text: 'hi' },
        ],
      },
    ])
  })

  test('say that a tool failed', () => {
    const failed: Message = {
      role: 'tool',
      parts: [{ type: 'tool-result', toolCallId: 'a', parts: [text('{"no":1}')], isError: true }],
    }
    expect(contentsOf([hi, assistant(call('a')), failed])).toMatchObject([
      {},
      {},
      { parts: [{ functionResponse: { response: { error: '{"no":1}' } } }] },
    ])
  })

  test('show pictures after all results of the turn, or inside them where the model looks there', () => {
    const messages = [
      hi,
      assistant(call('a'), call('b')),
      result('a', text('see'), image),
      result('b', text('ok')),
    ]
    const shown = { inlineData: { mimeType: 'image/png', data: 'iVBO' } }
    expect(contentsOf(messages)).toMatchObject([
      {},
      {},
      { parts: [{ functionResponse: { id: 'a' } }, { functionResponse: { id: 'b' } }, shown] },
    ])
    expect(contentsOf(messages, 'gemini-3-flash-preview')).toMatchObject([
      {},
      {},
      { parts: [{ functionResponse: { id: 'a', parts: [shown] } }, { functionResponse: { id: 'b' } }] },
    ])
  })

  test('hold bytes only: what stands elsewhere, and what is said of it, comes after them', () => {
    const document: Part = {
      type: 'document',
      source: { kind: 'url', url: 'https://papers.example/a.pdf' },
      title: 'A',
    }
    expect(
      contentsOf([hi, assistant(call('a')), result('a', document, image)], 'gemini-3-flash-preview'),
    ).toMatchObject([
      {},
      {},
      {
        parts: [
          { functionResponse: { id: 'a', parts: [{ inlineData: {} }] } },
          { text: 'A' },
          { fileData: { mimeType: 'application/pdf' } },
        ],
      },
    ])
  })

  test('carry signatures, and the documented words where the third generation would miss one', () => {
    const signed: Part = { type: 'tool-call', id: 'c', name: 'f', arguments: '{}', signature: 'c2ln' }
    const messages = [
      hi,
      assistant(call('a'), call('b')),
      result('a', text('ok')),
      result('b', text('ok')),
      assistant(signed, call('d')),
    ]
    const signatures = (modelId: string) =>
      (contentsOf(messages, modelId) as { parts: { functionCall?: object; thoughtSignature?: string }[] }[])
        .flatMap(({ parts }) => parts)
        .filter(({ functionCall }) => functionCall !== undefined)
        .map(({ thoughtSignature }) => thoughtSignature)
    const words = 'skip_thought_signature_validator'
    expect(signatures('gemini-3-pro-preview')).toEqual([words, undefined, 'c2ln', undefined])
    expect(signatures('models/gemini-3.5-flash')).toEqual([words, undefined, 'c2ln', undefined])
    expect(signatures('gemini-flash-latest')).toEqual([words, undefined, 'c2ln', undefined])
    expect(signatures('gemini-2.5-pro')).toEqual([undefined, undefined, 'c2ln', undefined])
  })

  test('have no ids where the client gave none', () => {
    const body = {
      contents: [
        { role: 'user', parts: [{ text: 'hi' }] },
        {
          role: 'model',
          parts: [
            { functionCall: { name: 'f', args: {} } },
            { functionCall: { id: 'x', name: 'f', args: {} } },
          ],
        },
        {
          role: 'user',
          parts: [
            { functionResponse: { id: 'x', name: 'f', response: { output: '1' } } },
            { functionResponse: { name: 'f', response: { output: '2' } } },
          ],
        },
      ],
    }
    const request = gemini.readRequest(Buffer.from(JSON.stringify(body)), { modelId: 'm' })
    expect(write(request).fields).toEqual(body)
  })

  test("that are no function of the client's are named as lost", () => {
    const provider: Part = {
      type: 'tool-call',
      id: 's',
      name: 'web_search',
      arguments: '{}',
      kind: 'provider',
    }
    const custom: Part = { type: 'tool-call', id: 'c', name: 'sql', arguments: 'select 1', kind: 'custom' }
    const { fields, losses } = write({ messages: [hi, assistant(provider, custom)] })
    expect(fields['contents']).toMatchObject([
      {},
      { parts: [{ functionCall: { name: 'sql', args: { input: 'select 1' } } }] },
    ])
    expect(losses).toEqual(['messages.server_tool_use', 'messages.custom_tool_call'])
  })
})

describe('parts', () => {
  test("of reasoning go back with their proof, and without it only where a client of Google's said them", () => {
    const thoughts = assistant(
      { type: 'reasoning', text: 'Hm.', signature: 'c2ln' },
      { type: 'reasoning', text: 'Bare.' },
      text('So.'),
    )
    const foreign = write({ messages: [hi, thoughts] })
    expect(foreign.fields['contents']).toMatchObject([
      {},
      { parts: [{ text: 'Hm.', thought: true, thoughtSignature: 'c2ln' }, { text: 'So.' }] },
    ])
    expect(foreign.losses).toEqual(['messages.reasoning'])
    const own = write({ messages: [hi, thoughts], vendor: { dialect: 'gemini', fields: {} } })
    expect(own.fields['contents']).toMatchObject([
      {},
      { parts: [{ text: 'Hm.' }, { text: 'Bare.', thought: true }, { text: 'So.' }] },
    ])
    expect(own.losses).toEqual([])
  })

  test('of reasoning whose words are not signed are no loss where the call after them is', () => {
    const signedCall: Part = { type: 'tool-call', id: 'a', name: 'f', arguments: '{}', signature: 'c2ln' }
    expect(
      write({ messages: [hi, assistant({ type: 'reasoning', text: 'Hm.' }, signedCall)] }).losses,
    ).toEqual([])
    const own: Part = { type: 'reasoning', text: 'Hm.', origin: 'google' }
    expect(contentsOf([hi, assistant(own, text('So.'))])).toMatchObject([
      {},
      { parts: [{ text: 'Hm.', thought: true }, { text: 'So.' }] },
    ])
  })

  test('that ask for more than Gemini does are named as lost', () => {
    const close: Part = {
      type: 'image',
      source: { kind: 'url', url: 'https://a.example/b.png' },
      detail: 'high',
    }
    const source = { kind: 'base64', mediaType: 'application/pdf', data: 'AA' } as const
    const cited: Part = { type: 'document', source, wantsCitations: true }
    expect(write({ messages: [{ role: 'user', parts: [close, cited] }] }).losses).toEqual([
      'messages.image_url.detail',
      'messages.document.citations',
    ])
  })

  test('keep a signature that stands on nothing', () => {
    expect(contentsOf([hi, assistant({ type: 'text', text: '', signature: 'c2ln' })])).toMatchObject([
      {},
      { parts: [{ text: '', thoughtSignature: 'c2ln' }] },
    ])
  })

  test('of media are said inline, by address, or named as lost', () => {
    const url = (address: string): Part => ({ type: 'image', source: { kind: 'url', url: address } })
    const { fields, losses } = write({
      messages: [
        {
          role: 'user',
          parts: [
            image,
            url('https://pictures.example/a.JPG?size=1'),
            url('https://pictures.example/a'),
            url('ftp://pictures.example/a'),
            { type: 'audio', source: { kind: 'base64', mediaType: '', data: 'UklG' }, format: 'mp3' },
            {
              type: 'document',
              source: { kind: 'text', text: 'käse', mediaType: 'text/plain' },
              title: 'Notes',
            },
            { type: 'image', source: { kind: 'file', fileId: 'gs://bucket/a.webp' } },
          ],
        },
        assistant({
          type: 'audio',
          source: { kind: 'file', fileId: 'aud_1' },
          audioId: 'aud_1',
          transcript: 'Yes.',
        }),
      ],
    })
    expect(fields['contents']).toEqual([
      {
        role: 'user',
        parts: [
          { inlineData: { mimeType: 'image/png', data: 'iVBO' } },
          { fileData: { mimeType: 'image/jpeg', fileUri: 'https://pictures.example/a.JPG?size=1' } },
          { fileData: { mimeType: 'image/png', fileUri: 'https://pictures.example/a' } },
          { inlineData: { mimeType: 'audio/mp3', data: 'UklG' } },
          { text: 'Notes' },
          { inlineData: { mimeType: 'text/plain', data: Buffer.from('käse').toString('base64') } },
          { fileData: { mimeType: 'image/webp', fileUri: 'gs://bucket/a.webp' } },
        ],
      },
      { role: 'model', parts: [{ text: 'Yes.' }] },
    ])
    expect(losses).toEqual(['messages.image'])
  })

  test("of another dialect, and participants' names, are named as lost", () => {
    const opaque: Part = { type: 'opaque', dialect: 'elsewhere', value: { type: 'thing' } }
    expect(write({ messages: [{ role: 'user', name: 'ann', parts: [text('hi'), opaque] }] }).losses).toEqual([
      'messages.name',
      'messages.thing',
    ])
  })
})

describe('tools', () => {
  const declarations = (parameters: JsonObject) => {
    const tool: ToolDefinition = { kind: 'function', name: 'f', parameters }
    const [entry] = write({ tools: [tool] }).fields['tools'] as { functionDeclarations: JsonObject[] }[]
    return entry?.functionDeclarations[0]
  }

  test('that bind the model to their schema, and those of other providers, are named as lost', () => {
    const strict: ToolDefinition = { kind: 'function', name: 'f', isStrict: true }
    const search = { kind: 'opaque', dialect: 'openai-responses', value: { type: 'web_search' } } as const
    expect(write({ tools: [strict, search] }).losses).toEqual(['tools.strict', 'tools.web_search'])
  })

  test('say their schemas as JSON Schema, in the words that Gemini knows', () => {
    expect(
      declarations({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        additionalProperties: false,
        $defs: { unit: { enum: ['c', 'f'] } },
        properties: {
          const: { const: 'fixed' },
          unit: { $ref: '#/$defs/unit' },
          either: { oneOf: [{ type: 'string' }, { type: 'null' }] },
          count: { type: 'integer', exclusiveMinimum: 0, exclusiveMaximum: 10 },
          share: { type: ['number', 'null'], exclusiveMinimum: 0, minimum: 0.5 },
        },
      }),
    ).toEqual({
      name: 'f',
      parametersJsonSchema: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        additionalProperties: false,
        $defs: { unit: { enum: ['c', 'f'] } },
        properties: {
          const: { enum: ['fixed'] },
          unit: { $ref: '#/$defs/unit' },
          either: { anyOf: [{ type: 'string' }, { type: 'null' }] },
          count: { type: 'integer', minimum: 1, maximum: 9 },
          share: { type: ['number', 'null'], minimum: 0.5 },
        },
      },
    })
  })

  test('say references as Gemini takes them: alone, and into $defs', () => {
    expect(
      declarations({
        type: 'object',
        definitions: { unit: { enum: ['c'] } },
        properties: {
          alone: { $ref: '#/definitions/unit' },
          told: { $ref: '#/definitions/unit', description: 'Which one.' },
          wrapped: { allOf: [{ $ref: '#/definitions/unit' }], title: 'Unit' },
          definitions: { type: 'string' },
          any: true,
        },
      }),
    ).toEqual({
      name: 'f',
      parametersJsonSchema: {
        type: 'object',
        $defs: { unit: { enum: ['c'] } },
        properties: {
          alone: { $ref: '#/$defs/unit' },
          told: { description: 'Which one.', anyOf: [{ $ref: '#/$defs/unit' }] },
          wrapped: { anyOf: [{ $ref: '#/$defs/unit' }], title: 'Unit' },
          definitions: { type: 'string' },
          any: {},
        },
      },
    })
  })

  test('without parameters have none', () => {
    expect(declarations({})).toEqual({ name: 'f' })
  })

  test("of Google's keep their place; those of others are lost, and so is calling one at a time", () => {
    const search: ToolDefinition = { kind: 'opaque', dialect: 'gemini', value: { googleSearch: {} } }
    const other: ToolDefinition = { kind: 'opaque', dialect: 'openai-chat', name: 'sql', value: {} }
    const { fields, losses } = write({
      tools: [search, { kind: 'function', name: 'f' }, other, { kind: 'function', name: 'g' }],
      allowsParallelToolCalls: false,
    })
    expect(fields['tools']).toEqual([
      { googleSearch: {} },
      { functionDeclarations: [{ name: 'f' }, { name: 'g' }] },
    ])
    expect(losses).toEqual(['tools.sql', 'parallel_tool_calls'])
  })

  test('are chosen as the client chose, beside what else it said of them', () => {
    const tools: readonly ToolDefinition[] = [{ kind: 'function', name: 'f' }]
    const config = (request: Partial<InferenceRequest>) => write({ tools, ...request }).fields['toolConfig']
    expect(config({ toolChoice: { type: 'tool', name: 'f' } })).toEqual({
      functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['f'] },
    })
    expect(config({ toolChoice: { type: 'required' } })).toEqual({ functionCallingConfig: { mode: 'ANY' } })
    expect(config({ toolChoice: { type: 'none' } })).toEqual({ functionCallingConfig: { mode: 'NONE' } })
    expect(config({ toolChoice: { type: 'auto' }, tools: [] })).toBeUndefined()
    const vendor = {
      dialect: 'gemini',
      fields: { toolConfig: { functionCallingConfig: { streamFunctionCallArguments: true } } },
    }
    expect(config({ toolChoice: { type: 'auto' }, vendor })).toEqual({
      functionCallingConfig: { streamFunctionCallArguments: true, mode: 'AUTO' },
    })
    expect(config({ vendor })).toEqual(vendor.fields.toolConfig)
  })
})

describe('settings', () => {
  const settings = (request: Partial<InferenceRequest>, modelId?: string) =>
    write(request, modelId).fields['generationConfig']

  test('are said where the client said them; zero is zero', () => {
    expect(
      settings({
        temperature: 0,
        topP: 1,
        topK: 0,
        seed: 0,
        maxOutputTokens: 5,
        candidateCount: 2,
        presencePenalty: 0,
        frequencyPenalty: -1,
        logprobs: { top: 3 },
        modalities: ['text'],
        stopSequences: ['a', ''],
        output: { type: 'json-schema', schema: { type: 'object' } },
      }),
    ).toEqual({
      temperature: 0,
      topP: 1,
      topK: 0,
      seed: 0,
      maxOutputTokens: 5,
      candidateCount: 2,
      frequencyPenalty: -1,
      responseLogprobs: true,
      logprobs: 3,
      responseModalities: ['TEXT'],
      stopSequences: ['a'],
      responseMimeType: 'application/json',
      responseJsonSchema: { type: 'object' },
    })
  })

  test('that Gemini has no field for are named as lost', () => {
    expect(
      write({
        userId: 'u',
        metadata: { a: 1 },
        serviceTier: 'flex',
        promptCacheKey: 'k',
        audio: {},
        stopSequences: ['1', '2', '3', '4', '5', '6'],
        vendor: { dialect: 'openai-chat', fields: { logit_bias: { 7: 1 }, store: false } },
      }).losses,
    ).toEqual(['stop', 'user', 'metadata', 'service_tier', 'prompt_cache_key', 'audio', 'logit_bias'])
  })

  const thinking = (reasoning: ReasoningOptions, modelId: string, vendor?: InferenceRequest['vendor']) => {
    const config = settings({ reasoning, ...(vendor && { vendor }) }, modelId) as JsonObject | undefined
    return config?.['thinkingConfig']
  }

  test.each<[ReasoningOptions, string, JsonObject | undefined]>([
    [{ effort: 'low' }, 'gemini-2.5-flash', { includeThoughts: true, thinkingBudget: 1_024 }],
    [{ effort: 'high' }, 'gemini-3-pro-preview', { includeThoughts: true, thinkingLevel: 'high' }],
    [{ effort: 'medium' }, 'gemini-3-pro-preview', { includeThoughts: true, thinkingLevel: 'high' }],
    [{ effort: 'medium' }, 'gemini-3.1-pro', { includeThoughts: true, thinkingLevel: 'medium' }],
    [{ effort: 'minimal' }, 'gemini-3.1-pro', { includeThoughts: true, thinkingLevel: 'low' }],
    [{ effort: 'minimal' }, 'gemini-3.5-flash', { includeThoughts: true, thinkingLevel: 'minimal' }],
    [{ mode: 'off' }, 'gemini-2.5-flash', { thinkingBudget: 0 }],
    [{ mode: 'off' }, 'gemini-2.0-flash', undefined],
    [{ mode: 'off' }, 'gemini-2.5-pro', { thinkingBudget: 128 }],
    [{ effort: 'none' }, 'gemini-3-pro-preview', { thinkingLevel: 'low' }],
    [{ effort: 'none' }, 'gemini-3.5-flash', { thinkingLevel: 'minimal' }],
    [
      { mode: 'on', budgetTokens: 60_000 },
      'gemini-2.5-flash',
      { includeThoughts: true, thinkingBudget: 24_576 },
    ],
    [
      { mode: 'on', budgetTokens: 100 },
      'gemini-2.5-flash-lite',
      { includeThoughts: true, thinkingBudget: 512 },
    ],
    [{ mode: 'adaptive' }, 'gemini-2.5-pro', { includeThoughts: true, thinkingBudget: -1 }],
    [{ mode: 'on', budgetTokens: 5_000, display: 'omitted' }, 'gemini-2.5-pro', { thinkingBudget: 5_000 }],
  ])('%j of a model like %s is thinking of its kind', (reasoning, modelId, config) => {
    expect(thinking(reasoning, modelId)).toEqual(config)
  })

  test("of thinking in this dialect's own words return as they were", () => {
    const own = { dialect: 'gemini', fields: {} }
    expect(thinking({ mode: 'off' }, 'gemini-2.0-flash', own)).toEqual({ thinkingBudget: 0 })
    expect(thinking({ effort: 'high', display: 'auto' }, 'gemini-x', own)).toEqual({
      includeThoughts: true,
      thinkingLevel: 'high',
    })
  })

  test('of thinking that a model cannot follow are named as lost', () => {
    expect(write({ reasoning: { effort: 'high' } }, 'gemini-2.0-flash').losses).toEqual(['reasoning'])
    expect(write({ reasoning: { effort: 'boundless' } }).losses).toEqual(['reasoning_effort'])
    expect(write({ reasoning: { mode: 'off' } }, 'gemini-2.5-pro').losses).toEqual(['thinking'])
    expect(write({ reasoning: { mode: 'off' } }).losses).toEqual([])
    expect(write({ reasoning: { mode: 'on', budgetTokens: 60_000 } }).losses).toEqual([
      'thinking.budget_tokens',
    ])
  })
})

test('a count wraps the whole request, so that instructions and tools count too', () => {
  const { fields } = gemini.writeCountRequest?.(
    { modelId: 'm', messages: [hi], stream: false, wantsStreamUsage: true },
    { modelId: 'gemini-2.5-flash' },
  ) ?? { fields: {} }
  expect(fields).toMatchObject({
    generateContentRequest: { model: 'models/gemini-2.5-flash', contents: [{ parts: [{ text: 'hi' }] }] },
  })
})
