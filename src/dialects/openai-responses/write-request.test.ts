import { describe, expect, test } from 'vitest'
import type { Message, Part } from '../../canonical/message.ts'
import type { InferenceRequest } from '../../canonical/request.ts'
import { openaiResponses } from './index.ts'

const hi: Message = { role: 'user', parts: [{ type: 'text', text: 'hi' }] }
const base: InferenceRequest = { modelId: 'a', messages: [hi], stream: false, wantsStreamUsage: false }

function write(fields: Partial<InferenceRequest>) {
  const written = openaiResponses.writeRequest({ ...base, ...fields }, { modelId: 'm', stream: false })
  return { ...written, lost: written.losses.map(({ field }) => field) }
}

const itemsOf = (parts: readonly Part[], fields: Partial<InferenceRequest> = {}) => {
  const written = write({ messages: [hi, { role: 'assistant', parts }], ...fields })
  const { input } = written.fields
  return { items: Array.isArray(input) ? input.slice(1) : [], lost: written.lost }
}

describe('a request from another dialect', () => {
  test('is never stored, whatever it says', () => {
    expect(write({}).fields).toEqual({
      model: 'm',
      input: [{ role: 'user', content: 'hi' }],
      store: false,
    })
  })

  test('says a leading system message as instructions, and a later one in place', () => {
    const system = (text: string): Message => ({ role: 'system', parts: [{ type: 'text', text }] })
    const { fields } = write({ messages: [system('a'), system('b'), hi] })
    expect(fields).toMatchObject({
      instructions: 'a',
      input: [
        { role: 'system', content: 'b' },
        { role: 'user', content: 'hi' },
      ],
    })
  })

  test('says that its tools are not strict, which this API would assume', () => {
    expect(
      write({ tools: [{ kind: 'function', name: 'f' }], toolChoice: { type: 'tool', name: 'f' } }).fields,
    ).toMatchObject({
      tools: [{ type: 'function', name: 'f', parameters: { type: 'object', properties: {} }, strict: false }],
      tool_choice: { type: 'function', name: 'f' },
    })
  })

  test('asks for reasoning that can be sent back, and to see it where it was asked for with a budget', () => {
    expect(write({ reasoning: { mode: 'on', budgetTokens: 4_000 } }).fields).toMatchObject({
      reasoning: { effort: 'medium', summary: 'auto' },
      include: ['reasoning.encrypted_content'],
    })
    expect(write({ reasoning: { mode: 'on', effort: 'max' } })).toMatchObject({
      fields: { reasoning: { effort: 'high' } },
      lost: ['effort'],
    })
    expect(write({ reasoning: { mode: 'off' } }).fields['include']).toBeUndefined()
  })

  test('loses by name what this API cannot say', () => {
    const { lost } = write({
      stopSequences: ['x'],
      topK: 1,
      seed: 1,
      presencePenalty: 1,
      frequencyPenalty: 1,
      candidateCount: 2,
      modalities: ['audio'],
      vendor: { dialect: 'openai-chat', fields: { logit_bias: { 7: 1 } } },
      tools: [{ kind: 'opaque', dialect: 'openai-chat', name: 'g', value: {} }],
    })
    expect(lost.toSorted()).toEqual(
      [
        'stop',
        'top_k',
        'seed',
        'presence_penalty',
        'frequency_penalty',
        'n',
        'modalities',
        'logit_bias',
        'tools.g',
      ].toSorted(),
    )
  })

  test('comes apart into items, in the order they were said', () => {
    const { items, lost } = itemsOf([
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b', citations: [{ url: 'https://a.example/', raw: {} }] },
      { type: 'tool-call', id: 'x'.repeat(70), name: 'f', arguments: '' },
      { type: 'refusal', text: 'no' },
    ])
    expect(lost).toEqual([])
    expect(items).toMatchObject([
      {
        type: 'message',
        role: 'assistant',
        content: [
          { type: 'output_text', text: 'a', annotations: [] },
          {
            type: 'output_text',
            text: 'b',
            annotations: [{ type: 'url_citation', url: 'https://a.example/' }],
          },
        ],
      },
      { type: 'function_call', name: 'f', arguments: '{}' },
      { type: 'message', content: [{ type: 'refusal', refusal: 'no' }] },
    ])
  })

  test('has call ids of at most 64 characters, the same for a call and its result', () => {
    const id = 'x'.repeat(70)
    const { fields } = write({
      messages: [
        hi,
        { role: 'assistant', parts: [{ type: 'tool-call', id, name: 'f', arguments: '{}' }] },
        {
          role: 'tool',
          parts: [
            { type: 'tool-result', toolCallId: id, isError: true, parts: [{ type: 'text', text: 'r' }] },
          ],
        },
      ],
    })
    // What was written has items.
    const [, call, result] = fields['input'] as readonly { call_id: string; output?: string }[]
    expect(call?.call_id.length).toBeLessThanOrEqual(64)
    expect(result).toEqual({ type: 'function_call_output', call_id: call?.call_id, output: 'Error: r' })
  })

  test('says of a call that failed so, in words, also where it showed something', () => {
    const image: Part = { type: 'image', source: { kind: 'base64', mediaType: 'image/png', data: 'AA' } }
    const outputOf = (...parts: Part[]) =>
      write({
        messages: [
          hi,
          { role: 'tool', parts: [{ type: 'tool-result', toolCallId: 'c', isError: true, parts }] },
        ],
      }).fields['input']
    const shown = { type: 'input_image', image_url: 'data:image/png;base64,AA' }
    expect(outputOf({ type: 'text', text: 'half' }, image)).toMatchObject([
      {},
      { output: [{ type: 'input_text', text: 'Error: half' }, shown] },
    ])
    expect(outputOf(image)).toMatchObject([{}, { output: [{ type: 'input_text', text: 'Error:' }, shown] }])
  })

  test('says what a document is about, and names citations as lost', () => {
    const source = { kind: 'base64', mediaType: 'application/pdf', data: 'AA' } as const
    const part: Part = { type: 'document', source, context: 'Old.', wantsCitations: true }
    const { fields, lost } = write({ messages: [{ role: 'user', parts: [part] }] })
    expect(fields['input']).toMatchObject([
      { content: [{ type: 'input_text', text: 'Old.' }, { type: 'input_file' }] },
    ])
    expect(lost).toEqual(['messages.document.citations'])
  })

  test("keeps the words of OpenAI's other dialect: how hard to think, and how much to say", () => {
    const vendor = { dialect: 'openai-chat', fields: { verbosity: 'low' } }
    for (const effort of ['none', 'xhigh']) {
      const mode = effort === 'none' ? 'off' : 'on'
      expect(write({ reasoning: { mode, effort }, vendor })).toMatchObject({
        fields: { reasoning: { effort }, text: { verbosity: 'low' } },
        lost: [],
      })
    }
    const format = { type: 'json-object' } as const
    expect(write({ output: format, vendor }).fields['text']).toEqual({
      verbosity: 'low',
      format: { type: 'json_object' },
    })
    expect(write({ vendor: { ...vendor, dialect: 'gemini' } }).lost).toEqual(['verbosity'])
  })

  test('loses nothing with a penalty of zero and with fields that ask for nothing', () => {
    const vendor = { dialect: 'openai-chat', fields: { logit_bias: {}, store: false } }
    expect(write({ frequencyPenalty: 0, presencePenalty: 0, vendor }).lost).toEqual([])
  })

  test('is counted by the fields that cost input', () => {
    const counted = openaiResponses.writeCountRequest?.(
      { ...base, maxOutputTokens: 100, temperature: 1, tools: [{ kind: 'function', name: 'f' }] },
      { modelId: 'm' },
    )
    expect(Object.keys(counted?.fields ?? {}).sort()).toEqual(['input', 'model', 'tools'])
  })

  test('takes along encrypted reasoning, and no thoughts of other makers', () => {
    expect(
      itemsOf([
        { type: 'reasoning', text: 'a', id: 'rs_1' },
        { type: 'reasoning', text: 'b', id: 'rs_1', encrypted: 'gAAA', origin: 'openai' },
        { type: 'reasoning', text: 'c', signature: 'sig', origin: 'anthropic' },
      ]).items,
    ).toEqual([
      {
        type: 'reasoning',
        id: 'rs_1',
        summary: [
          { type: 'summary_text', text: 'a' },
          { type: 'summary_text', text: 'b' },
        ],
        encrypted_content: 'gAAA',
      },
    ])
  })

  test('says files where it can, and leaves a word where it cannot', () => {
    const { fields, lost } = write({
      messages: [
        {
          role: 'user',
          parts: [
            { type: 'image', source: { kind: 'base64', data: 'QQ==', mediaType: 'image/png' } },
            { type: 'document', source: { kind: 'base64', data: 'QQ==', mediaType: 'application/pdf' } },
            {
              type: 'document',
              source: { kind: 'text', text: 'words', mediaType: 'text/plain' },
              title: 't',
            },
            { type: 'image', source: { kind: 'file', fileId: 'theirs' } },
          ],
        },
      ],
    })
    expect(fields['input']).toEqual([
      {
        role: 'user',
        content: [
          { type: 'input_image', image_url: 'data:image/png;base64,QQ==' },
          { type: 'input_file', filename: 'document.pdf', file_data: 'data:application/pdf;base64,QQ==' },
          { type: 'input_text', text: 't\nwords' },
          { type: 'input_text', text: '[an image was left out]' },
        ],
      },
    ])
    expect(lost).toEqual(['messages.image'])
  })
})
