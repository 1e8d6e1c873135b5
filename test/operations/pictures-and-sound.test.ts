/** Pictures, sound, moderations and rerank through the gateway, asked by the official library. */

import OpenAI, { toFile } from 'openai'
import { describe, expect, test } from 'vitest'
import { openOperations, type OperationsStage } from '../support/operations-stage.ts'
import { PICTURE, sendJson, SOUND } from '../support/operations-upstream.ts'

function openAi(stage: OperationsStage): OpenAI {
  return new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: 'unused', maxRetries: 0 })
}

describe('pictures', () => {
  test('are generated, and what they cost is recorded', async () => {
    await using stage = await openOperations()
    const answer = await openAi(stage).images.generate({ model: 'both', prompt: 'a square' })
    expect(answer.data?.[0]?.b64_json).toBe(PICTURE)
    expect(JSON.parse(stage.one.last.body)).toEqual({ model: 'm', prompt: 'a square' })
    expect(stage.gateway.exchanges).toMatchObject([
      { operation: 'image-generation', usage: { inputTokens: 10, outputTokens: 1_223 } },
    ])
  })

  test('are edited and varied: the form goes on as it came but for the model’s name', async () => {
    await using stage = await openOperations()
    const image = await toFile(Buffer.from('pixels'), 'a.png', { type: 'image/png' })
    await openAi(stage).images.edit({ model: 'one/m', image, prompt: 'more red' })
    const { body, headers, path } = stage.one.last
    expect(path).toBe('/v1/images/edits')
    expect(headers['content-type']).toMatch(/^multipart\/form-data; boundary=/)
    expect(body).toContain('name="model"\r\n\r\nm\r\n')
    expect(body).toContain('filename="a.png"')
    expect(body).toContain('pixels')
    await openAi(stage).images.createVariation({ model: 'two/n', image })
    expect(stage.two.last.path).toBe('/v1/images/variations')
    expect(stage.two.last.body).toContain('name="model"\r\n\r\nn\r\n')
  })

  test('may be edited by JSON too, where they are named by address', async () => {
    await using stage = await openOperations()
    const answer = await fetch(`${stage.url}/v1/images/edits`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"model":"one/m","images":[{"image_url":"data:,"}],"prompt":"x"}',
    })
    expect(answer.status).toBe(200)
    expect(JSON.parse(stage.one.last.body)).toMatchObject({ model: 'm', prompt: 'x' })
  })

  test('come as events where they are asked for so', async () => {
    const usage = { input_tokens: 1, output_tokens: 2, total_tokens: 3 }
    const events = [
      { type: 'image_generation.partial_image', b64_json: PICTURE },
      { type: 'image_generation.completed', b64_json: PICTURE, usage },
    ].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    await using stage = await openOperations({
      one: (_asked, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).end(events.join(''))
        return true
      },
    })
    const stream = await openAi(stage).images.generate({ model: 'one/m', prompt: 'x', stream: true })
    const types: string[] = []
    for await (const event of stream) types.push(event.type)
    expect(types).toEqual(['image_generation.partial_image', 'image_generation.completed'])
    const record = await stage.gateway.exchange(({ operation }) => operation === 'image-generation')
    expect(record).toMatchObject({ state: 'completed', usage: { inputTokens: 1, outputTokens: 2 } })
  })
})

describe('sound', () => {
  test('is spoken, streamed with its own content type', async () => {
    await using stage = await openOperations()
    const answer = await openAi(stage).audio.speech.create({ model: 'one/m', voice: 'alloy', input: 'hello' })
    expect(answer.headers.get('content-type')).toBe('audio/mpeg')
    expect(answer.headers.get('x-holdfast-target')).toBe('one/m')
    expect(Buffer.from(await answer.arrayBuffer()).equals(SOUND)).toBe(true)
    const record = await stage.gateway.exchange(({ operation }) => operation === 'speech')
    expect(record).toMatchObject({ state: 'completed', responseBytes: SOUND.length })
  })

  test('is transcribed and translated', async () => {
    await using stage = await openOperations()
    const file = await toFile(Buffer.from('sound'), 'a.wav')
    const transcribed = await openAi(stage).audio.transcriptions.create({
      model: 'one/m',
      file,
      language: 'en',
    })
    expect(transcribed.text).toBe('what was said')
    const translated = await openAi(stage).audio.translations.create({ model: 'both', file })
    expect(translated.text).toBe('what was said')
    expect(stage.gateway.exchanges.map(({ operation, usage }) => [operation, usage?.inputTokens])).toEqual([
      ['transcription', 14],
      ['audio-translation', 14],
    ])
  })

  test('is written down as plain text where that is asked for', async () => {
    await using stage = await openOperations({
      one: (_asked, response) => {
        response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end('plain words\n')
        return true
      },
    })
    const file = await toFile(Buffer.from('sound'), 'a.wav')
    const answer = await openAi(stage).audio.transcriptions.create({
      model: 'one/m',
      file,
      response_format: 'text',
    })
    expect(answer).toBe('plain words\n')
  })
})

describe('texts are judged', () => {
  test('by moderations, with a model or without', async () => {
    await using stage = await openOperations()
    const named = await openAi(stage).moderations.create({ model: 'two/n', input: 'x' })
    expect(named.results).toHaveLength(1)
    expect(JSON.parse(stage.two.last.body)).toEqual({ model: 'n', input: 'x' })
    await openAi(stage).moderations.create({ input: 'x' })
    expect(JSON.parse(stage.one.last.body)).toEqual({ input: 'x' })
  })

  test.each(['/v1/rerank', '/v2/rerank', '/rerank'])('by %s', async (path) => {
    await using stage = await openOperations()
    const answer = await fetch(stage.url + path, {
      method: 'POST',
      body: JSON.stringify({ model: 'one/m', query: 'q', documents: ['a', 'b'], top_n: 1 }),
    })
    expect(await answer.json()).toMatchObject({ results: [{ index: 1, relevance_score: 0.9 }] })
    expect(stage.one.last.path).toBe('/v1/rerank')
    expect(stage.gateway.exchanges).toMatchObject([{ operation: 'rerank', state: 'completed' }])
  })

  test('by Cohere itself', async () => {
    await using far = await openOperations()
    const cohere = { dialect: 'cohere-chat', baseUrl: `${far.one.origin}/v2`, credential: 'k'.repeat(20) }
    await using stage = await openOperations({ config: { providers: { cohere }, routes: {} } })
    const answer = await fetch(`${stage.url}/v2/rerank`, {
      method: 'POST',
      body: '{"model":"cohere/rerank-v3.5","query":"q","documents":["a"]}',
    })
    // That the path was asked is what counts: the stand-in does not know it below /v2.
    expect(answer.status).toBe(404)
    expect(far.one.asked.map(({ method, path }) => `${method} ${path}`)).toContain('POST /v2/rerank')
  })
})

describe('Azure’s clients', () => {
  test('name the model in the path', async () => {
    await using stage = await openOperations()
    const route = encodeURIComponent('both')
    const answer = await fetch(`${stage.url}/openai/deployments/${route}/embeddings?api-version=2024-10-21`, {
      method: 'POST',
      headers: { 'api-key': 'unused' },
      body: '{"input":"a"}',
    })
    expect(answer.status).toBe(200)
    expect(JSON.parse(stage.one.last.body)).toEqual({ model: 'm', input: 'a' })
    const form = new FormData()
    form.set('file', new Blob(['sound']), 'a.wav')
    await fetch(`${stage.url}/openai/deployments/both/audio/transcriptions`, { method: 'POST', body: form })
    expect(stage.one.last.body).toMatch(/name="model"\r\n\r\nm\r\n/)
    expect(stage.one.last.headers['content-length']).toBe(String(stage.one.last.bodyBytes))
  })
})

test('a JSON answer with an error in it is none', async () => {
  await using stage = await openOperations({
    one: (_asked, response) => sendJson(response, { error: { message: 'broken', type: 'server_error' } }),
  })
  const answer = await openAi(stage).images.generate({ model: 'both', prompt: 'x' })
  expect(answer.data).toHaveLength(1)
  const [record] = stage.gateway.exchanges
  expect(record?.target).toBe('two/n')
  expect(record?.attempts).toBeGreaterThan(1)
})
