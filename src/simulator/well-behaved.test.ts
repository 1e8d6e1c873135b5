/** Everything beside chats, judged by the official client libraries over a real socket where they have it. */

import Anthropic, { toFile as anthropicFile } from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SIMULATED_PNG } from './operations/images.ts'
import { ask } from './raw-client.test-support.ts'
import type { SimulatorServer } from './server.ts'
import { startSimulator } from './server.ts'

let server: SimulatorServer
let openai: OpenAI
let anthropic: Anthropic
let google: GoogleGenAI

beforeAll(async () => {
  server = await startSimulator()
  openai = new OpenAI({ baseURL: `${server.origin}/v1`, apiKey: 'sk-test', maxRetries: 0 })
  anthropic = new Anthropic({ baseURL: server.origin, apiKey: 'sk-test', maxRetries: 0 })
  google = new GoogleGenAI({ apiKey: 'test', httpOptions: { baseUrl: server.origin } })
})
afterAll(() => server.close())

describe('embeddings', () => {
  test('are the same for a text every time, as numbers and as base64', async () => {
    const asked = { model: 'mock', input: ['one', 'two'] }
    const numbers = await openai.embeddings.create({ ...asked, encoding_format: 'float' })
    // Without a format the client asks for base64 and decodes it.
    const decoded = await openai.embeddings.create(asked)
    expect(JSON.parse(Buffer.from(server.calls.at(-1)?.body ?? []).toString()).encoding_format).toBe('base64')
    expect(decoded.data.map(({ embedding }) => [...embedding])).toEqual(
      numbers.data.map(({ embedding }) => embedding),
    )
    expect(numbers.data[0]?.embedding).not.toEqual(numbers.data[1]?.embedding)
    expect(numbers.usage).toEqual({ prompt_tokens: 2, total_tokens: 2 })
  })

  test('have the dimensions asked for, and are those of Gemini', async () => {
    const { data } = await openai.embeddings.create({
      model: 'mock',
      input: 'one',
      dimensions: 5,
      encoding_format: 'float',
    })
    const batch = await google.models.embedContent({
      model: 'mock',
      contents: ['one', 'two'],
      config: { outputDimensionality: 5 },
    })
    expect(batch.embeddings?.[0]?.values).toEqual(data[0]?.embedding)
    const { body } = await ask(server.port, {
      path: '/v1beta/models/mock:embedContent',
      body: { content: { parts: [{ text: 'one' }] }, outputDimensionality: 5 },
    })
    expect(JSON.parse(body.toString()).embedding.values).toEqual(data[0]?.embedding)
  })
})

describe('moderations and ranks', () => {
  test('only simulated violence is flagged', async () => {
    const { results } = await openai.moderations.create({ input: ['hello', 'some simulated violence'] })
    expect(results.map(({ flagged }) => flagged)).toEqual([false, true])
    expect(results[1]?.categories.violence).toBe(true)
  })

  test.each(['/v1/rerank', '/v2/rerank'])('%s ranks by words in common', async (path) => {
    const body = {
      model: 'mock',
      query: 'red fox',
      documents: ['a blue whale', 'the red fox', { text: 'a fox' }],
      top_n: 2,
    }
    const value = JSON.parse((await ask(server.port, { path, body })).body.toString())
    expect(value.results).toEqual([
      { index: 1, relevance_score: 1 },
      { index: 2, relevance_score: 0.5 },
    ])
    expect('meta' in value).toBe(path === '/v2/rerank')
  })
})

describe('images', () => {
  test('are generated, edited and varied', async () => {
    const image = await toFile(Buffer.from(SIMULATED_PNG, 'base64'), 'red.png', { type: 'image/png' })
    const made = await openai.images.generate({ model: 'mock', prompt: 'red', n: 2 })
    expect(made.data?.map((one) => one.b64_json)).toEqual([SIMULATED_PNG, SIMULATED_PNG])
    const edited = await openai.images.edit({ model: 'mock', prompt: 'redder', image: [image, image] })
    expect(edited.usage?.input_tokens_details.image_tokens).toBe(170)
    expect(server.calls.at(-1)?.model).toBe('mock')
    const varied = await openai.images.createVariation({ image, model: 'mock' })
    expect(varied.data).toHaveLength(1)
  })

  test('come as events where a stream is asked for', async () => {
    const stream = await openai.images.generate({ model: 'mock', prompt: 'red', stream: true })
    const types = []
    for await (const event of stream) types.push(event.type)
    expect(types).toEqual(['image_generation.partial_image', 'image_generation.completed'])
  })

  test('without a prompt, or without the picture to edit, are refused', async () => {
    const prompt: { model: string } = { model: 'mock' }
    const refused = await ask(server.port, { path: '/v1/images/generations', body: prompt })
    expect([refused.status, JSON.parse(refused.body.toString()).error.param]).toEqual([400, 'prompt'])
  })
})

describe('audio', () => {
  test('is spoken as bytes in pieces, the same every time', async () => {
    const speak = () => openai.audio.speech.create({ model: 'mock', voice: 'alloy', input: 'hello' })
    const first = await speak()
    expect(first.headers.get('content-type')).toBe('audio/mpeg')
    const bytes = Buffer.from(await first.arrayBuffer())
    expect(bytes).toHaveLength(320)
    expect(Buffer.from(await (await speak()).arrayBuffer())).toEqual(bytes)
  })

  test('is heard: how many bytes, by which model', async () => {
    const file = await toFile(Buffer.alloc(5_000, 7), 'a.mp3')
    const heard = 'Simulated transcription of 5000 bytes by mock.'
    expect((await openai.audio.transcriptions.create({ model: 'mock', file })).text).toBe(heard)
    expect(await openai.audio.transcriptions.create({ model: 'mock', file, response_format: 'text' })).toBe(
      `${heard}\n`,
    )
    const verbose = await openai.audio.transcriptions.create({
      model: 'mock',
      file,
      response_format: 'verbose_json',
    })
    expect(verbose).toMatchObject({ duration: 1, segments: [{ text: heard }] })
    const translated = await openai.audio.translations.create({ model: 'mock', file })
    expect(translated.text).toBe('Simulated translation of 5000 bytes by mock.')
    expect(server.calls.at(-1)).toMatchObject({ model: 'mock' })
  })

  test('is heard in pieces where a stream is asked for', async () => {
    const file = await toFile(Buffer.alloc(10), 'a.mp3')
    const stream = await openai.audio.transcriptions.create({ model: 'mock', file, stream: true })
    let text = ''
    for await (const event of stream) if (event.type === 'transcript.text.delta') text += event.delta
    expect(text).toBe('Simulated transcription of 10 bytes by mock.')
  })
})

describe('files and batches', () => {
  test('a file of OpenAI is kept, given back and deleted', async () => {
    const file = await toFile(Buffer.from('{"a":1}\n'), 'a.jsonl')
    const kept = await openai.files.create({ file, purpose: 'batch' })
    expect(kept).toMatchObject({ filename: 'a.jsonl', purpose: 'batch', bytes: 8 })
    expect(await (await openai.files.content(kept.id)).text()).toBe('{"a":1}\n')
    expect((await openai.files.list()).data.map(({ id }) => id)).toContain(kept.id)
    expect(await openai.files.delete(kept.id)).toMatchObject({ deleted: true })
    await expect(openai.files.retrieve(kept.id)).rejects.toMatchObject({ status: 404 })
  })

  test('a batch of OpenAI answers every line of its file', async () => {
    const lines = ['one', 'two'].map((content) => {
      const body = { model: 'mock', messages: [{ role: 'user', content }] }
      return JSON.stringify({ custom_id: content, method: 'POST', url: '/v1/chat/completions', body })
    })
    const file = await openai.files.create({
      file: await toFile(Buffer.from(lines.join('\n')), 'in.jsonl'),
      purpose: 'batch',
    })
    const ordered = await openai.batches.create({
      input_file_id: file.id,
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
    })
    expect(ordered).toMatchObject({ status: 'validating', output_file_id: null })
    const done = await openai.batches.retrieve(ordered.id)
    expect(done).toMatchObject({ status: 'completed', request_counts: { total: 2, completed: 2 } })
    const output = await (await openai.files.content(done.output_file_id ?? '')).text()
    const answers = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(answers.map((answer) => answer.custom_id)).toEqual(['one', 'two'])
    expect(answers[1].response.body.choices[0].message.content).toContain('You said: two')
    expect(new Set(answers.map((answer) => answer.response.body.id)).size).toBe(2)
    expect((await openai.batches.list()).data.map(({ id }) => id)).toContain(ordered.id)
    expect((await openai.batches.cancel(ordered.id)).status).toBe('cancelling')
  })

  test('a batch of Anthropic tells where its results are', async () => {
    const params = { model: 'mock', max_tokens: 50, messages: [{ role: 'user' as const, content: 'hello' }] }
    const { batches } = anthropic.messages
    const ordered = await batches.create({ requests: [{ custom_id: 'a', params }] })
    expect(ordered).toMatchObject({ processing_status: 'in_progress', results_url: null })
    const ended = await batches.retrieve(ordered.id)
    expect(ended.results_url).toBe(`${server.origin}/v1/messages/batches/${ordered.id}/results`)
    const results = []
    for await (const result of await batches.results(ordered.id)) results.push(result)
    expect(results).toMatchObject([
      { custom_id: 'a', result: { type: 'succeeded', message: { stop_reason: 'end_turn' } } },
    ])
    expect((await batches.cancel(ordered.id)).processing_status).toBe('canceling')
    const [listed] = (await batches.list()).data
    expect(listed?.request_counts).toMatchObject({ canceled: 1, succeeded: 0 })
    expect(await batches.delete(ordered.id)).toMatchObject({ type: 'message_batch_deleted' })
  })

  test('a file of Anthropic has the shape of its maker', async () => {
    const file = await anthropicFile(Buffer.from('hello'), 'a.txt', { type: 'text/plain' })
    const kept = await anthropic.beta.files.upload({ file })
    expect(kept).toMatchObject({ type: 'file', filename: 'a.txt', size_bytes: 5, mime_type: 'text/plain' })
    expect(await anthropic.beta.files.retrieveMetadata(kept.id)).toMatchObject({ id: kept.id })
    expect(await anthropic.beta.files.delete(kept.id)).toMatchObject({ type: 'file_deleted' })
  })
})

describe('official clients of further dialects', () => {
  const WEATHER = {
    name: 'weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  }

  test('openai reads a streamed response with its tool call', async () => {
    const stream = openai.responses.stream({
      model: 'tools',
      input: 'hello',
      tools: [{ type: 'function', strict: true, ...WEATHER }],
    })
    const response = await stream.finalResponse()
    expect(response.output).toMatchObject([
      { type: 'function_call', name: 'weather', arguments: '{"city":"simulated"}' },
    ])
    const plain = await openai.responses.create({ model: 'reasoner', input: 'hello' })
    expect(plain.output_text).toContain('You said: hello')
    const old = await openai.completions.create({ model: 'mock', prompt: 'hello', n: 2 })
    expect(old.choices.map(({ finish_reason }) => finish_reason)).toEqual(['stop', 'stop'])
  })

  test('@google/genai reads an answer, a stream, a call and a count', async () => {
    const asked = { model: 'mock', contents: 'hello' }
    expect((await google.models.generateContent(asked)).text).toContain('You said: hello')
    let text = ''
    for await (const chunk of await google.models.generateContentStream(asked)) text += chunk.text ?? ''
    expect(text).toContain('You said: hello')
    const called = await google.models.generateContent({
      model: 'tools',
      contents: 'hello',
      config: {
        tools: [{ functionDeclarations: [{ name: 'weather', parametersJsonSchema: WEATHER.parameters }] }],
      },
    })
    expect(called.functionCalls).toMatchObject([{ name: 'weather', args: { city: 'simulated' } }])
    expect((await google.models.countTokens(asked)).totalTokens).toBe(5)
  })

  test('@google/genai is refused with a status and words of Google', async () => {
    await expect(
      google.models.generateContent({ model: 'mock!status-429', contents: 'hello' }),
    ).rejects.toMatchObject({ status: 429, message: expect.stringContaining('RESOURCE_EXHAUSTED') })
  })
})
