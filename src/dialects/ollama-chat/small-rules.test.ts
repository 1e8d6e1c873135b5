import { describe, expect, test } from 'vitest'
import type { InferenceRequest } from '../../canonical/request.ts'
import { foldEvents, gist } from '../dialect.contract.ts'
import { readTargetStream, richRequest } from '../target-dialect.contract.ts'
import { ollamaChat } from './index.ts'

const base: InferenceRequest = {
  modelId: 'm',
  stream: false,
  wantsStreamUsage: false,
  messages: [{ role: 'user', parts: [{ type: 'text', text: 'Hi' }] }],
}
const write = (more: Partial<InferenceRequest> = {}) => {
  const { fields, losses } = ollamaChat.writeRequest({ ...base, ...more }, { modelId: 'q', stream: false })
  return { fields, lost: losses.map(({ field }) => field) }
}
const read = (...lines: unknown[]) =>
  readTargetStream(ollamaChat, [Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))])
const line = (message: object, more: object = {}) => ({
  model: 'm',
  created_at: '2026-01-02T03:04:05.678Z',
  message: { role: 'assistant', content: '', ...message },
  done: false,
  ...more,
})
const done = (word: string | undefined) => line({}, { done: true, done_reason: word })

describe('a request', () => {
  test('is written in the words of Ollama', () => {
    const { fields } = ollamaChat.writeRequest(richRequest, { modelId: 'qwen3', stream: true })
    expect(fields).toEqual({
      model: 'qwen3',
      stream: true,
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: 'Zürich 🌦?\nNotes\nIt rains.\n[audio that could not be passed on]',
          images: ['AAAA'],
        },
        {
          role: 'assistant',
          content: 'I look.',
          tool_calls: [
            { id: 'call_1', type: 'function', function: { name: 'weather', arguments: { city: 'Zürich' } } },
            { id: 'call_2', type: 'function', function: { name: 'clock', arguments: {} } },
          ],
        },
        { role: 'tool', content: '21 °C', tool_name: 'weather', tool_call_id: 'call_1' },
        { role: 'tool', content: 'Error: no', tool_name: 'clock', tool_call_id: 'call_2' },
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
      options: { num_predict: 100, temperature: 0, top_p: 0.5, top_k: 7, stop: ['END'] },
    })
  })

  test('says that no stream is wanted: silence would ask for one', () => {
    expect(write().fields['stream']).toBe(false)
  })

  test.each([
    [{ mode: 'off' }, false],
    [{ mode: 'on' }, true],
    [{ mode: 'on', effort: 'minimal' }, 'low'],
    [{ mode: 'on', effort: 'medium' }, 'medium'],
    [{ mode: 'on', effort: 'xhigh' }, 'high'],
    [{ mode: 'on', budgetTokens: 1_024 }, 'low'],
    [{ mode: 'on', budgetTokens: 60_000 }, 'high'],
  ] as const)('reasoning %j is %j', (reasoning, think) => {
    expect(write({ reasoning }).fields['think']).toBe(think)
  })

  test('a schema, and JSON without one', () => {
    const schema = { type: 'object' }
    expect(write({ output: { type: 'json-schema', schema } }).fields['format']).toEqual(schema)
    expect(write({ output: { type: 'json-object' } }).fields['format']).toBe('json')
    expect(write({ output: { type: 'text' } }).fields['format']).toBeUndefined()
  })

  test('a model that may call no tool is shown none; one that must is trusted, and it is said', () => {
    const tools = [{ kind: 'function', name: 'f' }] as const
    expect(write({ tools, toolChoice: { type: 'none' } })).toMatchObject({ fields: {}, lost: [] })
    expect(write({ tools, toolChoice: { type: 'none' } }).fields['tools']).toBeUndefined()
    expect(write({ tools, toolChoice: { type: 'tool', name: 'f' } }).lost).toEqual(['tool_choice'])
  })

  test("Ollama's own fields are handed on, at the top or in its options", () => {
    const fields = { keep_alive: '5m', num_ctx: 8_192, options: { mirostat: 1 }, logit_bias: { 5: 1 } }
    const written = write({ temperature: 0, vendor: { dialect: 'openai-chat', fields } })
    expect(written.fields).toMatchObject({
      keep_alive: '5m',
      options: { num_ctx: 8_192, mirostat: 1, temperature: 0 },
    })
    expect(written.lost).toEqual(['logit_bias'])
  })

  test('names what speakers, pictures and documents lose', () => {
    const image = {
      type: 'image',
      detail: 'high',
      source: { kind: 'base64', data: 'AA', mediaType: 'image/png' },
    } as const
    const document = {
      type: 'document',
      wantsCitations: true,
      source: { kind: 'text', text: 'x', mediaType: 'text/plain' },
    } as const
    const { fields, lost } = write({ messages: [{ role: 'user', name: 'Ada', parts: [image, document] }] })
    expect(fields['messages']).toEqual([{ role: 'user', content: 'x', images: ['AA'] }])
    expect(lost).toEqual(['messages.name', 'messages.image.detail', 'messages.document.citations'])
  })

  test('arguments that are no object are put into one, and a picture by address is named', () => {
    const { fields, lost } = write({
      messages: [
        { role: 'assistant', parts: [{ type: 'tool-call', id: 'c', name: 'f', arguments: '{"a":' }] },
        {
          role: 'user',
          parts: [{ type: 'image', source: { kind: 'url', url: 'https://example.com/a.png' } }],
        },
      ],
    })
    expect(fields['messages']).toMatchObject([
      { tool_calls: [{ function: { arguments: { input: '{"a":' } } }] },
      { content: '[image that could not be passed on]' },
    ])
    expect(lost).toEqual(['messages.tool_calls.arguments', 'messages.image'])
  })
})

describe('an answer', () => {
  test('observation 50: calls without an id get one each, the same whenever they are read', () => {
    const call = { function: { name: 'f', arguments: { a: 1 } } }
    const events = read(line({ tool_calls: [call] }), line({ tool_calls: [call] }), done('stop'))
    const [said] = gist(foldEvents(events))
    expect(said).toMatchObject({
      finish: 'tool-calls',
      calls: [{ arguments: '{"a":1}' }, { arguments: '{"a":1}' }],
    })
    const ids = said?.calls.map(({ id }) => id) ?? []
    expect(new Set(ids).size).toBe(2)
    for (const id of ids) expect(id).toMatch(/^call_[a-z0-9]+_0_\d$/)
    expect(read(line({ tool_calls: [call] }), line({ tool_calls: [call] }), done('stop'))).toEqual(events)
  })

  test.each([
    ['stop', 'stop'],
    ['length', 'length'],
    ['load', 'other'],
    [undefined, 'stop'],
  ])('done_reason %s is %s', (word, reason) => {
    const events = read(line({ content: 'x' }), done(word))
    expect(gist(foldEvents(events))[0]?.finish).toBe(reason)
  })

  test('a call that was cut off stays cut off', () => {
    const call = { function: { name: 'f', arguments: {} } }
    expect(gist(foldEvents(read(line({ tool_calls: [call] }), done('length'))))[0]?.finish).toBe('length')
  })

  test('tells when it was made, and its counts with the times beside them', () => {
    const counts = { prompt_eval_count: 3, eval_count: 2, total_duration: 9, eval_duration: 4 }
    const result = foldEvents(
      read(line({ content: 'x' }), line({}, { done: true, done_reason: 'stop', ...counts })),
    )
    expect(result).toMatchObject({ modelId: 'm', createdAtS: 1_767_323_045 })
    expect(result.usage).toEqual({ inputTokens: 3, outputTokens: 2, raw: counts })
  })

  test('a model that was only loaded gave no answer', () => {
    const loaded = Buffer.from(JSON.stringify(done('load')))
    expect(() => ollamaChat.readResult(loaded)).toThrow(expect.objectContaining({ code: 'empty_response' }))
  })

  test('an error in a line of its own ends the stream; a line of something else is counted', () => {
    const reader = ollamaChat.createStreamReader()
    const events = reader.read(
      Buffer.from('{"status":"pulling"}\n{"error":"model requires more system memory"}\n{}\n'),
    )
    expect(events.map(({ type }) => type)).toEqual(['error'])
    expect([reader.anomalies, reader.isComplete]).toEqual([1, false])
  })

  test('a stream may come as one line without an end', () => {
    const whole = Buffer.from(JSON.stringify(line({ content: 'x' }, { done: true, done_reason: 'stop' })))
    expect(gist(foldEvents(readTargetStream(ollamaChat, [whole])))[0]).toMatchObject({
      text: 'x',
      finish: 'stop',
    })
  })
})
