import { describe, expect, test } from 'vitest'
import { sealState } from '../../canonical/seal.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { openaiResponses } from './index.ts'

const read = (fields: object) =>
  openaiResponses.readRequest(Buffer.from(JSON.stringify({ model: 'm', input: 'hi', ...fields })))
const messagesOf = (input: unknown) => read({ input }).messages
const paramOf = (fields: object) => {
  try {
    read(fields)
  } catch (thrown) {
    return thrown instanceof GatewayError ? [thrown.code, thrown.facts.param] : thrown
  }
  return 'accepted'
}
const sealed = (value: object) => sealState({ origin: 'maker', value: JSON.stringify(value) })

describe('the input of a request', () => {
  test('is a string that a user says, after the instructions', () => {
    expect(read({ instructions: 'Be brief.' }).messages).toEqual([
      { role: 'system', parts: [{ type: 'text', text: 'Be brief.' }] },
      { role: 'user', parts: [{ type: 'text', text: 'hi' }] },
    ])
  })

  test('holds text, images, files and sound', () => {
    const content = [
      { type: 'input_text', text: 'a' },
      { type: 'input_image', image_url: 'https://a.example/b.png', detail: 'high' },
      { type: 'input_image', file_id: 'file-1' },
      { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,QQ==' },
      { type: 'input_file', file_url: 'https://a.example/c.pdf' },
      { type: 'input_audio', input_audio: { data: 'QQ==', format: 'mp3' } },
      { type: 'input_video', video: 'x' },
    ]
    expect(messagesOf([{ role: 'user', content }])).toEqual([
      {
        role: 'user',
        parts: [
          { type: 'text', text: 'a' },
          { type: 'image', source: { kind: 'url', url: 'https://a.example/b.png' }, detail: 'high' },
          { type: 'image', source: { kind: 'file', fileId: 'file-1' } },
          {
            type: 'document',
            source: { kind: 'base64', data: 'QQ==', mediaType: 'application/pdf' },
            title: 'a.pdf',
          },
          { type: 'document', source: { kind: 'url', url: 'https://a.example/c.pdf' } },
          { type: 'audio', source: { kind: 'base64', data: 'QQ==', mediaType: 'audio/mp3' }, format: 'mp3' },
          { type: 'opaque', dialect: 'openai-responses', value: { type: 'input_video', video: 'x' } },
        ],
      },
    ])
  })

  test('folds what a model said, item by item, into one turn', () => {
    const search = { type: 'web_search_call', id: 'ws_1', status: 'completed' }
    const messages = messagesOf([
      { role: 'user', content: 'hi' },
      { type: 'reasoning', id: 'rs_1', summary: [{ text: 'a' }, { text: 'b' }], encrypted_content: 'gAAA' },
      search,
      {
        type: 'message',
        role: 'assistant',
        phase: 'commentary',
        content: [{ type: 'output_text', text: 'x' }],
      },
      { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}', namespace: 'n' },
      { type: 'custom_tool_call', call_id: 'c2', name: 'g', input: 'free' },
      { type: 'function_call_output', call_id: 'c1', output: [{ type: 'input_text', text: 'r' }] },
      { type: 'custom_tool_call_output', call_id: 'c2', output: 's' },
    ])
    const dialect = 'openai-responses'
    expect(messages.slice(1)).toEqual([
      {
        role: 'assistant',
        parts: [
          { type: 'reasoning', text: 'a', id: 'rs_1' },
          { type: 'reasoning', text: 'b', id: 'rs_1', encrypted: 'gAAA' },
          { type: 'opaque', dialect, value: search },
          { type: 'text', text: 'x' },
          { type: 'opaque', dialect, value: { type: 'message_fields', fields: { phase: 'commentary' } } },
          { type: 'tool-call', id: 'c1', name: 'f', arguments: '{}' },
          {
            type: 'opaque',
            dialect,
            value: { type: 'tool_call_fields', id: 'c1', fields: { namespace: 'n' } },
          },
          { type: 'tool-call', id: 'c2', name: 'g', arguments: 'free', kind: 'custom' },
        ],
      },
      {
        role: 'tool',
        parts: [{ type: 'tool-result', toolCallId: 'c1', parts: [{ type: 'text', text: 'r' }] }],
      },
      {
        role: 'tool',
        parts: [{ type: 'tool-result', toolCallId: 'c2', parts: [{ type: 'text', text: 's' }] }],
      },
    ])
  })

  test('opens seals: reasoning of another maker, and the signatures of texts and calls', () => {
    const reasoning = (value: object) => ({
      type: 'reasoning',
      summary: [],
      encrypted_content: sealed(value),
    })
    const [turn] = messagesOf([
      { ...reasoning({ kind: 'signature', value: 'sig' }), summary: [{ type: 'summary_text', text: 't' }] },
      reasoning({ kind: 'encrypted', value: 'enc' }),
      { role: 'assistant', content: 'x' },
      reasoning({ kind: 'text-signature', value: 's1' }),
      { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' },
      { type: 'function_call', call_id: 'c2', name: 'g', arguments: '{}' },
      reasoning({ kind: 'call-signature', value: 's2', callId: 'c1' }),
    ])
    expect(turn?.parts).toEqual([
      { type: 'reasoning', text: 't', signature: 'sig', origin: 'maker' },
      { type: 'reasoning', text: '', encrypted: 'enc', origin: 'maker' },
      { type: 'text', text: 'x', signature: 's1', origin: 'maker' },
      { type: 'tool-call', id: 'c1', name: 'f', arguments: '{}', signature: 's2', origin: 'maker' },
      { type: 'tool-call', id: 'c2', name: 'g', arguments: '{}' },
    ])
  })

  test('is refused by the name of what is wrong', () => {
    const item = (value: object) => paramOf({ input: [value] })
    expect(item({ type: 'item_reference', id: 'x' })).toEqual(['invalid_request', 'input[0]'])
    expect(item({ role: 'robot', content: 'x' })).toEqual(['invalid_request', 'input[0].role'])
    expect(item({ role: 'user', content: 7 })).toEqual(['invalid_request', 'input[0].content'])
    expect(item({ role: 'user', content: [{ type: 'input_text' }] })).toEqual([
      'invalid_request',
      'input[0].content[0].text',
    ])
    expect(item({ type: 'function_call', name: 'f' })).toEqual(['invalid_request', 'input[0].call_id'])
    expect(item({ type: 'function_call_output', output: '' })).toEqual([
      'invalid_request',
      'input[0].call_id',
    ])
    expect(paramOf({ input: [7] })).toEqual(['invalid_request', 'input[0]'])
    expect(paramOf({ tools: [{ type: 'function' }] })).toEqual(['invalid_request', 'tools[0].name'])
    expect(paramOf({ text: { format: { type: 'json_schema' } } })).toEqual([
      'invalid_request',
      'text.format.schema',
    ])
  })
})

describe('the options of a request', () => {
  test('are canonical where the language has a word, and kept where it has none', () => {
    const request = read({
      tools: [
        { type: 'function', name: 'f', parameters: {}, strict: true, defer_loading: true },
        { type: 'web_search' },
      ],
      tool_choice: { type: 'function', name: 'f' },
      parallel_tool_calls: false,
      text: { format: { type: 'json_schema', name: 'n', schema: {}, strict: true }, verbosity: 'low' },
      reasoning: { effort: 'low', summary: 'auto', context: 'x' },
      include: ['message.output_text.logprobs', 'reasoning.encrypted_content', 'file_search_call.results'],
      top_logprobs: 3,
      safety_identifier: 'u',
      temperature: 0,
      max_output_tokens: 7,
      store: false,
      truncation: 'auto',
    })
    const dialect = 'openai-responses'
    expect(request).toMatchObject({
      tools: [
        { kind: 'function', name: 'f', isStrict: true, vendor: { dialect, fields: { defer_loading: true } } },
        { kind: 'opaque', dialect, value: { type: 'web_search' } },
      ],
      toolChoice: { type: 'tool', name: 'f' },
      allowsParallelToolCalls: false,
      output: { type: 'json-schema', name: 'n', schema: {}, isStrict: true },
      reasoning: { mode: 'on', effort: 'low', display: 'auto' },
      logprobs: { top: 3 },
      wantsReasoningState: true,
      userId: 'u',
      temperature: 0,
      maxOutputTokens: 7,
    })
    expect(request.vendor?.fields).toEqual({
      text: { verbosity: 'low' },
      reasoning: { context: 'x' },
      include: ['file_search_call.results'],
      truncation: 'auto',
    })
  })
})

test('the echo of a request is what its answer repeats', () => {
  const body = {
    model: 'm',
    input: 'hi',
    instructions: 'i',
    temperature: 0,
    user: null,
    include: [],
    store: false,
  }
  expect(openaiResponses.readEcho?.(Buffer.from(JSON.stringify(body)))).toEqual({
    instructions: 'i',
    temperature: 0,
    store: false,
  })
})
