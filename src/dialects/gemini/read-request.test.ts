/** What a client of this dialect may send, in both spellings, and what is made of it. */

import { describe, expect, test } from 'vitest'
import { sealState } from '../../canonical/seal.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { gemini } from './index.ts'

const named = { modelId: 'gemini-2.5-flash', stream: true }
const read = (body: object) => gemini.readRequest(Buffer.from(JSON.stringify(body)), named)
const hi = [{ role: 'user', parts: [{ text: 'hi' }] }]
const partsOf = (...parts: readonly unknown[]) =>
  read({ contents: [{ role: 'user', parts }] }).messages[0]?.parts
const modelSays = (...parts: readonly unknown[]) =>
  read({ contents: [...hi, { role: 'model', parts }] }).messages.slice(1)

describe('a request', () => {
  test('has its model and stream from the path, whatever its body says', () => {
    expect(read({ model: 'models/other', contents: hi })).toMatchObject({
      modelId: 'gemini-2.5-flash',
      stream: true,
      wantsStreamUsage: true,
    })
  })

  test('may be spelled in snake case', () => {
    const request = read({
      system_instruction: { parts: [{ text: 'Be brief.' }] },
      contents: [
        { parts: [{ inline_data: { mime_type: 'image/png', data: 'iVBO' } }] },
        {
          role: 'model',
          parts: [{ function_call: { name: 'f', args: { a: 1 } }, thought_signature: 'c2ln' }],
        },
        { role: 'function', parts: [{ function_response: { name: 'f', response: { output: 'ok' } } }] },
      ],
      tools: [
        { function_declarations: [{ name: 'f', parameters_json_schema: { type: 'object' } }] },
        { google_search: {} },
      ],
      tool_config: { function_calling_config: { mode: 'any', allowed_function_names: ['f'] } },
      generation_config: {
        max_output_tokens: 9,
        top_p: 0.5,
        stop_sequences: ['x'],
        response_mime_type: 'application/json',
        response_json_schema: { type: 'object' },
        thinking_config: { include_thoughts: true, thinking_budget: 100 },
      },
      safety_settings: [],
      cached_content: 'cachedContents/1',
    })
    expect(request).toEqual({
      modelId: 'gemini-2.5-flash',
      stream: true,
      wantsStreamUsage: true,
      messages: [
        { role: 'system', parts: [{ type: 'text', text: 'Be brief.' }] },
        {
          role: 'user',
          parts: [{ type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'iVBO' } }],
        },
        {
          role: 'assistant',
          parts: [{ type: 'tool-call', id: 'call_f_0', name: 'f', arguments: '{"a":1}', signature: 'c2ln' }],
        },
        {
          role: 'tool',
          parts: [{ type: 'tool-result', toolCallId: 'call_f_0', parts: [{ type: 'text', text: 'ok' }] }],
        },
      ],
      tools: [
        { kind: 'function', name: 'f', parameters: { type: 'object' } },
        { kind: 'opaque', dialect: 'gemini', name: 'googleSearch', value: { googleSearch: {} } },
      ],
      toolChoice: { type: 'tool', name: 'f' },
      maxOutputTokens: 9,
      topP: 0.5,
      stopSequences: ['x'],
      output: { type: 'json-schema', schema: { type: 'object' } },
      reasoning: { mode: 'on', budgetTokens: 100, display: 'auto' },
      vendor: { dialect: 'gemini', fields: { safetySettings: [], cachedContent: 'cachedContents/1' } },
    })
  })

  test.each([
    ['Be brief.'],
    [{ text: 'Be brief.' }],
    [[{ text: 'Be brief.' }]],
    [{ parts: { text: 'Be brief.' } }],
    [{ role: 'system', parts: [{ text: 'Be brief.' }, { text: '' }] }],
  ])('may give its system instruction as %j', (systemInstruction) => {
    expect(read({ systemInstruction, contents: hi }).messages[0]).toEqual({
      role: 'system',
      parts: [{ type: 'text', text: 'Be brief.' }],
    })
  })

  test('may wrap what it counts', () => {
    const request = read({ generateContentRequest: { model: 'models/x', contents: hi } })
    expect(request.messages).toEqual([{ role: 'user', parts: [{ type: 'text', text: 'hi' }] }])
  })

  test.each([
    ['[]', 'invalid_json'],
    ['{', 'invalid_json'],
    ['{"contents":[]}', 'invalid_request'],
    ['{"contents":["hi"]}', 'invalid_request'],
    ['{"contents":[{"parts":[7]}]}', 'invalid_request'],
    ['{"contents":[{"parts":[{"text":"a"}]}],"tools":[7]}', 'invalid_request'],
  ])('%s is refused', (body, code) => {
    expect(() => gemini.readRequest(Buffer.from(body), named)).toThrow(
      expect.objectContaining({ code }) as GatewayError,
    )
  })
})

describe('contents', () => {
  test('of one speaker in a row are one turn, and what the model says goes on from one to the next', () => {
    const { messages } = read({
      contents: [
        { role: 'user', parts: [{ text: 'a' }] },
        { parts: [{ text: 'b' }] },
        { role: 'model', parts: [{ text: 'c' }] },
        { role: 'model', parts: [{ text: 'd' }] },
      ],
    })
    expect(messages.map(({ role, parts }) => [role, parts.length])).toEqual([
      ['user', 2],
      ['assistant', 1],
    ])
  })

  test('pair calls with results by id, or by name and order', () => {
    const { messages } = read({
      contents: [
        ...hi,
        {
          role: 'model',
          parts: [
            { functionCall: { name: 'f', args: {} } },
            { functionCall: { name: 'f', args: {} } },
            { functionCall: { id: 'mine', name: 'g', args: {} } },
          ],
        },
        {
          role: 'user',
          parts: [
            { functionResponse: { id: 'mine', name: 'g', response: { error: 'broken' } } },
            { functionResponse: { name: 'f', response: { result: 1 } } },
            { functionResponse: { name: 'f', response: { output: 'two' } } },
            { text: 'Go on.' },
          ],
        },
      ],
    })
    expect(messages.slice(2)).toEqual([
      {
        role: 'tool',
        parts: [
          {
            type: 'tool-result',
            toolCallId: 'mine',
            isError: true,
            parts: [{ type: 'text', text: 'broken' }],
          },
        ],
      },
      {
        role: 'tool',
        parts: [
          { type: 'tool-result', toolCallId: 'call_f_0', parts: [{ type: 'text', text: '{"result":1}' }] },
        ],
      },
      {
        role: 'tool',
        parts: [{ type: 'tool-result', toolCallId: 'call_f_1', parts: [{ type: 'text', text: 'two' }] }],
      },
      { role: 'user', parts: [{ type: 'text', text: 'Go on.' }] },
    ])
  })

  test('of the model that hold a result are turns of their own around it', () => {
    const messages = modelSays(
      { functionCall: { name: 'f', args: {} } },
      { functionResponse: { name: 'f', response: { output: 'ok' } } },
      { text: 'Done.' },
    )
    expect(messages.map(({ role }) => role)).toEqual(['assistant', 'tool', 'assistant'])
  })

  test('keep what a tool showed', () => {
    const video = { inlineData: { mimeType: 'video/mp4', data: 'AAAA' } }
    const { messages } = read({
      contents: [
        {
          parts: [
            {
              functionResponse: {
                name: 'look',
                response: { output: 'see' },
                parts: [{ inlineData: { mimeType: 'image/png', data: 'iVBO' } }, video],
              },
            },
          ],
        },
      ],
    })
    expect(messages[0]?.parts).toMatchObject([
      {
        type: 'tool-result',
        parts: [{ text: 'see' }, { type: 'image' }, { type: 'opaque', dialect: 'gemini', value: video }],
      },
    ])
  })
})

describe('parts', () => {
  test('of media are told by their type', () => {
    expect(
      partsOf(
        { inlineData: { mimeType: 'audio/mp3', data: 'SUQz' } },
        { inlineData: { mimeType: 'application/pdf', data: 'JVBE', displayName: 'a.pdf' } },
        { inlineData: { mimeType: 'text/plain', data: Buffer.from('käse').toString('base64url') } },
        { fileData: { mimeType: 'image/jpeg', fileUri: 'https://pictures.example/a' } },
        { fileData: { mimeType: 'image/jpeg', fileUri: 'gs://bucket/a' } },
        { fileData: { mimeType: 'video/mp4', fileUri: 'gs://bucket/a' } },
        { inlineData: { mimeType: 'image/png', data: 'iVBO' }, mediaResolution: { level: 'LOW' } },
      ),
    ).toMatchObject([
      { type: 'audio', format: 'mp3', source: { kind: 'base64' } },
      { type: 'document', title: 'a.pdf', source: { kind: 'base64', mediaType: 'application/pdf' } },
      { type: 'document', source: { kind: 'text', text: 'käse' } },
      { type: 'image', source: { kind: 'url', url: 'https://pictures.example/a' } },
      { type: 'image', source: { kind: 'file', fileId: 'gs://bucket/a' } },
      { type: 'opaque', value: { fileData: {} } },
      { type: 'opaque', value: { mediaResolution: {} } },
    ])
  })

  test('that only Google knows are kept as they are', () => {
    const code = { executableCode: { language: 'PYTHON', code: 'print(1)' }, thoughtSignature: 'c2ln' }
    expect(modelSays(code)).toEqual([
      { role: 'assistant', parts: [{ type: 'opaque', dialect: 'gemini', value: code }] },
    ])
  })

  test('keep a signature on nothing but itself, and pieces of a thought are one', () => {
    expect(
      modelSays(
        { text: 'I ', thought: true },
        { text: 'think.', thought: true, thoughtSignature: 'dA==' },
        { text: 'So.' },
        { text: '', thoughtSignature: 'c2ln' },
        { text: '' },
      ),
    ).toEqual([
      {
        role: 'assistant',
        parts: [
          { type: 'reasoning', text: 'I think.', signature: 'dA==' },
          { type: 'text', text: 'So.', signature: 'c2ln' },
        ],
      },
    ])
  })

  test('with a seal of ours say whose they are; words that stand for a signature are none', () => {
    const sealed = sealState({ origin: 'anthropic', value: 'proof' })
    const hidden = sealState({ origin: 'openai', value: 'secret', kind: 'encrypted' })
    expect(
      modelSays(
        { text: 'Hm.', thought: true, thoughtSignature: sealed },
        { text: '', thought: true, thoughtSignature: hidden },
        { functionCall: { id: 'a', name: 'f' }, thoughtSignature: 'skip_thought_signature_validator' },
      ),
    ).toEqual([
      {
        role: 'assistant',
        parts: [
          { type: 'reasoning', text: 'Hm.', signature: 'proof', origin: 'anthropic' },
          { type: 'reasoning', text: '', encrypted: 'secret', origin: 'openai' },
          { type: 'tool-call', id: 'a', name: 'f', arguments: '{}' },
        ],
      },
    ])
  })
})

describe('settings', () => {
  const settings = (generationConfig: object) => read({ contents: hi, generationConfig })

  test("are read, and what has no other word stays the vendor's", () => {
    expect(
      settings({
        temperature: 0,
        topK: 3,
        seed: 7,
        candidateCount: 2,
        presencePenalty: 0.1,
        frequencyPenalty: 0.2,
        responseLogprobs: true,
        logprobs: 4,
        responseModalities: ['TEXT', 'AUDIO'],
        speechConfig: { voiceConfig: {} },
      }),
    ).toMatchObject({
      temperature: 0,
      topK: 3,
      seed: 7,
      candidateCount: 2,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      logprobs: { top: 4 },
      modalities: ['text', 'audio'],
      vendor: { fields: { generationConfig: { speechConfig: { voiceConfig: {} } } } },
    })
  })

  const schema = { type: 'object', properties: { a: { type: ['string', 'null'] }, n: { minLength: 2 } } }

  test.each([
    [
      {
        responseSchema: {
          type: 'OBJECT',
          properties: { a: { type: 'STRING', nullable: true }, n: { minLength: '2' } },
          propertyOrdering: ['a'],
        },
      },
      { type: 'json-schema', schema },
    ],
    [{ responseJsonSchema: schema }, { type: 'json-schema', schema }],
    [{ responseFormat: { text: { mimeType: 'application/json', schema } } }, { type: 'json-schema', schema }],
    [{ responseMimeType: 'application/json' }, { type: 'json-object' }],
    [{ responseMimeType: 'text/plain' }, { type: 'text' }],
    [{ responseMimeType: 'text/x.enum' }, undefined],
  ])('an output is asked for by %j', (config, output) => {
    expect(settings(config).output).toEqual(output)
  })

  test.each([
    [{ thinkingBudget: 0 }, { mode: 'off' }],
    [{ thinkingBudget: -1 }, { mode: 'adaptive', display: 'omitted' }],
    [
      { thinkingBudget: 99, includeThoughts: true },
      { mode: 'on', budgetTokens: 99, display: 'auto' },
    ],
    [{ thinkingLevel: 'HIGH' }, { effort: 'high', display: 'omitted' }],
    [{ includeThoughts: true }, { display: 'auto' }],
    [{ includeThoughts: false }, undefined],
    [{}, undefined],
  ])('thinking is asked for by %j', (thinkingConfig, reasoning) => {
    expect(settings({ thinkingConfig }).reasoning).toEqual(reasoning)
  })
})

describe('a choice of tools', () => {
  const choice = (toolConfig: object) => {
    const { toolChoice, vendor } = read({ contents: hi, toolConfig })
    return [toolChoice, vendor?.fields['toolConfig']]
  }

  test.each([
    [{ mode: 'AUTO' }, { type: 'auto' }],
    [{ mode: 'NONE' }, { type: 'none' }],
    [{ mode: 'ANY' }, { type: 'required' }],
    [
      { mode: 2, allowedFunctionNames: ['f'] },
      { type: 'tool', name: 'f' },
    ],
    [{ mode: 'MODE_UNSPECIFIED' }, undefined],
  ])('%j is read', (functionCallingConfig, toolChoice) => {
    expect(choice({ functionCallingConfig })).toEqual([toolChoice, undefined])
  })

  test('that no other dialect has is kept whole', () => {
    for (const functionCallingConfig of [
      { mode: 'VALIDATED' },
      { mode: 'ANY', allowedFunctionNames: ['f', 'g'] },
    ]) {
      const config = { functionCallingConfig, retrievalConfig: {} }
      expect(choice(config)).toEqual([{ type: 'opaque', dialect: 'gemini', value: config }, undefined])
    }
  })

  test('leaves what else is said of tools to its own dialect', () => {
    expect(
      choice({
        functionCallingConfig: { mode: 'AUTO', streamFunctionCallArguments: true },
        retrievalConfig: {},
      }),
    ).toEqual([
      { type: 'auto' },
      { functionCallingConfig: { streamFunctionCallArguments: true }, retrievalConfig: {} },
    ])
  })
})
