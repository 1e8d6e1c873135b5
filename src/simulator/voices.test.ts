/** Every dialect the simulator speaks: the same question gets the same answer, whole and streamed, and the project's own readers take it in. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../canonical/event.ts'
import { targetDialects } from '../dialects/index.ts'
import {
  type AskingOptions,
  askedIn,
  jsonsOf,
  messagesOf,
  spokenText,
} from './dialect-asking.test-support.ts'
import { ask } from './raw-client.test-support.ts'
import { SIMULATED_DIALECTS, type SimulatedDialect } from './request.ts'
import type { SimulatorServer } from './server.ts'
import { startSimulator } from './server.ts'
import { voices } from './voices.ts'

const WHOLE = 'This is a simulated answer: no model was asked. You said: hello'
/** Small enough that no two events come at once. */
const CHUNK_BYTES = 50
const WITH_TOOLS = SIMULATED_DIALECTS.filter((dialect) => dialect !== 'openai-completions')

let server: SimulatorServer

beforeAll(async () => {
  server = await startSimulator()
})
afterAll(() => server.close())

function answerIn(dialect: SimulatedDialect, options: AskingOptions = {}) {
  return ask(server.port, askedIn(dialect, options))
}

/** The answer as the gateway reads it. */
async function readIn(dialect: SimulatedDialect, options: AskingOptions = {}) {
  const target = targetDialects.get(dialect)
  if (!target) throw new Error(`the gateway does not speak ${dialect}`)
  const { body } = await answerIn(dialect, options)
  return target.readResult(body)
}

async function eventsIn(dialect: SimulatedDialect, options: AskingOptions = {}) {
  const reader = targetDialects.get(dialect)?.createStreamReader()
  if (!reader) throw new Error(`the gateway does not speak ${dialect}`)
  const { body } = await answerIn(dialect, { stream: true, ...options })
  const events: InferenceEvent[] = []
  for (let at = 0; at < body.length; at += CHUNK_BYTES) {
    events.push(...reader.read(body.subarray(at, at + CHUNK_BYTES)))
  }
  return { events: [...events, ...reader.end()], reader }
}

describe.each(SIMULATED_DIALECTS)('%s', (dialect) => {
  test('says the same whole and streamed, and that it is simulated', async () => {
    const plain = await answerIn(dialect)
    expect([plain.status, plain.headers['x-simulated']]).toEqual([200, 'true'])
    expect(spokenText(dialect, [plain.body.toString()])).toBe(WHOLE)
    const stream = await answerIn(dialect, { stream: true })
    expect(spokenText(dialect, jsonsOf(dialect, stream.body))).toBe(WHOLE)
    expect(jsonsOf(dialect, stream.body).length).toBeGreaterThan(16)
  })

  test('is taken in by the reader of the gateway, whole and streamed', async () => {
    const whole = await readIn(dialect)
    expect(whole.candidates).toMatchObject([
      { parts: [{ type: 'text', text: WHOLE }], finish: { reason: 'stop' } },
    ])
    expect(whole.usage).toMatchObject({ outputTokens: 16 })
    const { events, reader } = await eventsIn(dialect)
    expect(events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('')).toBe(WHOLE)
    expect({ isComplete: reader.isComplete, anomalies: reader.anomalies }).toEqual({
      isComplete: true,
      anomalies: 0,
    })
  })

  test('ends by length at the ceiling', async () => {
    const [candidate] = (await readIn(dialect, { tokensMax: 4 })).candidates
    expect(candidate).toMatchObject({
      parts: [{ type: 'text', text: WHOLE.slice(0, 16) }],
      finish: { reason: 'length' },
    })
  })

  test('refuses in the words of its maker', async () => {
    const target = targetDialects.get(dialect)
    const answer = await ask(server.port, {
      ...askedIn(dialect),
      headers: { 'x-simulate': 'rate-limit(after=7)' },
    })
    const error = target?.readError(answer)
    expect([answer.status, error?.code]).toEqual([429, 'rate_limited'])
    expect(error?.message).toContain('Rate limit reached: simulated.')
  })

  test('keeps to its own words for an error in the middle of a stream', async () => {
    const { events, reader } = await eventsIn(dialect, {
      model: 'mock!error-after-content(token=5,error=rate-limit)',
    })
    expect(events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('')).toBe(
      WHOLE.slice(0, 20),
    )
    expect(events.at(-1)).toMatchObject({ type: 'error' })
    expect(reader.isComplete).toBe(false)
  })

  test('asks for a fault after the name of its model', async () => {
    expect((await answerIn(dialect, { model: 'mock!status-503' })).status).toBe(503)
  })
})

describe.each(WITH_TOOLS)('%s', (dialect) => {
  test('calls every tool with arguments that fit, whole and streamed', async () => {
    const options = { model: 'parallel-tools', tools: ['weather', 'time'] }
    const [candidate] = (await readIn(dialect, options)).candidates
    expect(candidate?.finish).toMatchObject({ reason: 'tool-calls' })
    expect(candidate?.parts).toMatchObject(
      ['weather', 'time'].map((name) => ({ type: 'tool-call', name, arguments: '{"city":"simulated"}' })),
    )
    const { events } = await eventsIn(dialect, options)
    const names = events.map((event) => (event.type === 'tool-call-start' ? event.name : ''))
    expect(names.filter(Boolean)).toEqual(['weather', 'time'])
  })

  test('shows its reasoning before its answer', async () => {
    const [candidate] = (await readIn(dialect, { model: 'reasoner' })).candidates
    const kinds = candidate?.parts.map(({ type }) => type)
    expect(kinds).toEqual(['reasoning', 'text'])
    const { events } = await eventsIn(dialect, { model: 'reasoner' })
    const thought = events.map((event) => (event.type === 'reasoning-delta' ? event.text : '')).join('')
    expect(thought).toMatch(/^Simulated reasoning: /)
  })
})

describe('the result of a tool', () => {
  const RESULTS: readonly (readonly [SimulatedDialect, Readonly<Record<string, unknown>>])[] = [
    [
      'openai-responses',
      {
        input: [
          { role: 'user', content: 'hello' },
          { type: 'function_call', call_id: 'a', name: 'weather', arguments: '{}' },
          { type: 'function_call_output', call_id: 'a', output: 'sunny' },
        ],
      },
    ],
    [
      'gemini',
      {
        contents: [
          { role: 'user', parts: [{ text: 'hello' }] },
          { role: 'model', parts: [{ functionCall: { name: 'weather', args: {} } }] },
          { role: 'user', parts: [{ functionResponse: { name: 'weather', response: { result: 'sunny' } } }] },
        ],
      },
    ],
    [
      'bedrock-converse',
      {
        messages: [
          { role: 'user', content: [{ text: 'hello' }] },
          { role: 'assistant', content: [{ toolUse: { toolUseId: 'a', name: 'weather', input: {} } }] },
          { role: 'user', content: [{ toolResult: { toolUseId: 'a', content: [{ text: 'sunny' }] } }] },
        ],
      },
    ],
    [
      'cohere-chat',
      {
        messages: [
          { role: 'user', content: 'hello' },
          { role: 'tool', tool_call_id: 'a', content: [{ type: 'text', text: 'sunny' }] },
        ],
      },
    ],
    [
      'cohere-chat',
      {
        messages: [
          { role: 'user', content: 'hello' },
          {
            role: 'tool',
            tool_call_id: 'a',
            content: [{ type: 'document', document: { data: { weather: 'sunny' } } }],
          },
        ],
      },
    ],
    [
      'ollama-chat',
      {
        messages: [
          { role: 'user', content: 'hello' },
          { role: 'tool', tool_name: 'weather', content: 'sunny' },
        ],
      },
    ],
  ]

  test.each(RESULTS)('ends the conversation in text: %s', async (dialect, fields) => {
    const [candidate] = (await readIn(dialect, { model: 'tools', tools: ['weather'], fields })).candidates
    expect(candidate?.parts).toMatchObject([
      { type: 'text', text: expect.stringContaining('returned: sunny') },
    ])
  })
})

describe('a tool that is demanded', () => {
  const CHOICES: readonly (readonly [SimulatedDialect, Readonly<Record<string, unknown>>])[] = [
    ['openai-responses', { tool_choice: { type: 'function', name: 'time' } }],
    ['gemini', { toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['time'] } } }],
  ]

  test.each(CHOICES)('is called by every model: %s', async (dialect, fields) => {
    const [candidate] = (await readIn(dialect, { tools: ['weather', 'time'], fields })).candidates
    expect(candidate?.parts).toMatchObject([{ type: 'tool-call', name: 'time' }])
  })
})

describe('a structured answer', () => {
  const schema = { type: 'object', properties: { city: { const: 'Basel' } }, required: ['city'] }
  const FORMATS: readonly (readonly [SimulatedDialect, Readonly<Record<string, unknown>>])[] = [
    ['openai-responses', { text: { format: { type: 'json_schema', name: 'x', schema } } }],
    ['gemini', { generationConfig: { responseMimeType: 'application/json', responseJsonSchema: schema } }],
    [
      'bedrock-converse',
      {
        outputConfig: {
          textFormat: {
            type: 'json_schema',
            structure: { jsonSchema: { name: 'x', schema: JSON.stringify(schema) } },
          },
        },
      },
    ],
    ['cohere-chat', { response_format: { type: 'json_object', json_schema: schema } }],
    ['ollama-chat', { format: schema }],
  ]

  test.each(FORMATS)('satisfies its schema: %s', async (dialect, fields) => {
    const { body } = await answerIn(dialect, { fields })
    expect(spokenText(dialect, [body.toString()])).toBe('{"city":"Basel"}')
  })
})

const STOPS: Readonly<Record<SimulatedDialect, Readonly<Record<string, unknown>> | undefined>> = {
  'openai-chat': { stop: [' answer'] },
  'anthropic-messages': { stop_sequences: [' answer'] },
  // The dialect has none.
  'openai-responses': undefined,
  gemini: { generationConfig: { stopSequences: [' answer'] } },
  'openai-completions': { stop: ' answer' },
  'bedrock-converse': { inferenceConfig: { stopSequences: [' answer'] } },
  'cohere-chat': { stop_sequences: [' answer'] },
  'ollama-chat': { options: { stop: [' answer'] } },
}

describe('a stop sequence', () => {
  const dialects = SIMULATED_DIALECTS.filter((dialect) => STOPS[dialect] !== undefined)

  test.each(dialects)('ends the text before it: %s', async (dialect) => {
    const [candidate] = (await readIn(dialect, { fields: STOPS[dialect] ?? {} })).candidates
    expect(candidate?.parts).toMatchObject([{ type: 'text', text: 'This is a simulated' }])
    expect(candidate?.finish?.reason).toMatch(/^stop/)
  })
})

describe('a prompt that was seen before', () => {
  const LONG = 'long '.repeat(1_500)
  const PROMPTS: readonly (readonly [SimulatedDialect, Readonly<Record<string, unknown>>])[] = [
    ['openai-responses', { instructions: LONG }],
    ['gemini', { systemInstruction: { parts: [{ text: LONG }] } }],
    ['bedrock-converse', { system: [{ text: LONG }, { cachePoint: { type: 'default' } }] }],
    [
      'cohere-chat',
      {
        messages: [
          { role: 'system', content: LONG },
          { role: 'user', content: 'hello' },
        ],
      },
    ],
  ]

  test.each(PROMPTS)('is counted as read from the cache: %s', async (dialect, fields) => {
    const own = JSON.stringify(fields).replaceAll('long', dialect.slice(0, 4))
    const asked = { fields: JSON.parse(own) }
    const first = (await readIn(dialect, asked)).usage
    const second = (await readIn(dialect, asked)).usage
    expect(first?.cacheReadTokens ?? 0).toBe(0)
    expect(second?.cacheReadTokens).toBeGreaterThan(1_800)
    expect(second?.inputTokens).toBe(first?.inputTokens)
  })
})

describe('a refusal of the model', () => {
  test('stands where its dialect has a place for it', async () => {
    const chat = JSON.parse((await answerIn('openai-chat', { model: 'refuser' })).body.toString())
    expect(chat.choices[0].message).toMatchObject({
      content: null,
      refusal: expect.stringContaining('simulated'),
    })
    const response = JSON.parse((await answerIn('openai-responses', { model: 'refuser' })).body.toString())
    expect(response.output[0].content).toMatchObject([{ type: 'refusal' }])
    const message = JSON.parse((await answerIn('anthropic-messages', { model: 'refuser' })).body.toString())
    expect(message.stop_reason).toBe('refusal')
    const gemini = JSON.parse((await answerIn('gemini', { model: 'refuser' })).body.toString())
    expect(gemini.candidates[0].finishReason).toBe('SAFETY')
  })
})

describe('what only one dialect has', () => {
  test('responses number their events without a gap and repeat what was asked', async () => {
    const asking = {
      stream: true,
      model: 'reasoner',
      fields: { include: ['reasoning.encrypted_content'], metadata: { a: 'b' } },
    }
    const { body } = await answerIn('openai-responses', asking)
    const events = jsonsOf('openai-responses', body).map((json) => JSON.parse(json))
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index))
    expect(events[0]).toMatchObject({
      type: 'response.created',
      response: { status: 'in_progress', metadata: { a: 'b' }, max_output_tokens: 500 },
    })
    expect(events.at(-1)).toMatchObject({
      type: 'response.completed',
      response: {
        output: [{ type: 'reasoning', encrypted_content: expect.any(String) }, { type: 'message' }],
      },
    })
  })

  test('responses hide a reasoning that was asked for without a summary', async () => {
    const { body } = await answerIn('openai-responses', { fields: { reasoning: { effort: 'low' } } })
    const [item] = JSON.parse(body.toString()).output
    expect(item).toMatchObject({ type: 'reasoning', summary: [] })
    expect(item.encrypted_content).toBeUndefined()
  })

  test('gemini streams server-sent events by CRLF, or one JSON array', async () => {
    const { path, body } = askedIn('gemini', { stream: true })
    const events = await ask(server.port, { path, body })
    expect(events.headers['content-type']).toBe('text/event-stream')
    expect(events.body.toString()).toMatch(/^data: \{.*\}\r\n\r\ndata: /)
    const array = await ask(server.port, { path: path.replace('?alt=sse', ''), body })
    expect(array.headers['content-type']).toMatch(/^application\/json/)
    const chunks = JSON.parse(array.body.toString())
    expect(
      spokenText(
        'gemini',
        chunks.map((chunk: unknown) => JSON.stringify(chunk)),
      ),
    ).toBe(WHOLE)
    expect(chunks.at(-1)).toMatchObject({
      candidates: [{ finishReason: 'STOP' }],
      usageMetadata: { candidatesTokenCount: 16 },
    })
  })

  test('gemini signs what follows a thought, counts several candidates, and answers below /v1 too', async () => {
    const fields = { generationConfig: { thinkingConfig: { includeThoughts: true }, candidateCount: 2 } }
    const { body } = askedIn('gemini', { fields })
    const answer = await ask(server.port, { path: '/v1/models/mock:generateContent', body })
    const { candidates, usageMetadata } = JSON.parse(answer.body.toString())
    expect(candidates).toHaveLength(2)
    expect(candidates[0].content.parts).toMatchObject([
      { thought: true },
      { text: WHOLE, thoughtSignature: expect.any(String) },
    ])
    expect(usageMetadata.thoughtsTokenCount).toBeGreaterThan(0)
  })

  test('bedrock frames every event with checksums that are right', async () => {
    const { body, headers } = await answerIn('bedrock-converse', { stream: true })
    const messages = messagesOf(body)
    expect(headers['content-type']).toBe('application/vnd.amazon.eventstream')
    expect(messages.every(({ isSound }) => isSound)).toBe(true)
    expect(messages.map((message) => message.headers[':event-type'])).toEqual([
      'messageStart',
      ...Array.from({ length: 16 }, () => 'contentBlockDelta'),
      'contentBlockStop',
      'messageStop',
      'metadata',
    ])
  })

  test('tokens are counted where the dialect counts them', async () => {
    const bedrock = { input: { converse: askedIn('bedrock-converse').body } }
    const counted = [
      ['/v1/messages/count_tokens', askedIn('anthropic-messages').body, { input_tokens: 5 }],
      ['/v1/responses/input_tokens', askedIn('openai-responses').body, { input_tokens: 5 }],
      ['/v1beta/models/mock:countTokens', askedIn('gemini').body, { totalTokens: 5 }],
      ['/model/mock/count-tokens', bedrock, { inputTokens: 5 }],
    ] as const
    for (const [path, body, count] of counted) {
      expect(JSON.parse((await ask(server.port, { path, body })).body.toString())).toMatchObject(count)
    }
  })

  test('models are listed in the shape of whoever asks', async () => {
    const google = await ask(server.port, { path: '/v1beta/models' })
    expect(JSON.parse(google.body.toString()).models[0].name).toBe('models/mock')
    const ollama = await ask(server.port, { path: '/api/tags' })
    expect(JSON.parse(ollama.body.toString()).models[0].name).toBe('mock')
  })
})

test('the table has a voice for every dialect', () => {
  expect(Object.keys(voices).toSorted()).toEqual([...SIMULATED_DIALECTS].toSorted())
  for (const [id, voice] of Object.entries(voices)) expect(voice.dialect).toBe(id)
})
