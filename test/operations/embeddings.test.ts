/** Embeddings through the gateway: by the official library, bit for bit, and over other dialects. */

import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { openOperations, type OperationsStage } from '../support/operations-stage.ts'
import { sendJson, VECTOR } from '../support/operations-upstream.ts'

function openAi(stage: OperationsStage): OpenAI {
  return new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: 'unused', maxRetries: 0 })
}

const asFloat32 = VECTOR.map(Math.fround)

function post(stage: OperationsStage, path: string, body: unknown): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(stage.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
}

describe('embeddings from a provider that speaks the client’s dialect', () => {
  test('21: base64, which the official library asks for unasked, arrives bit for bit', async () => {
    await using stage = await openOperations()
    const answer = await openAi(stage).embeddings.create({ model: 'one/m', input: ['a', 'b'], dimensions: 5 })
    expect(answer.data.map(({ embedding }) => [...embedding])).toEqual([asFloat32, asFloat32])
    expect(JSON.parse(stage.one.last.body)).toEqual({
      model: 'm',
      input: ['a', 'b'],
      dimensions: 5,
      encoding_format: 'base64',
    })
  })

  test('numbers stay the numbers they were', async () => {
    await using stage = await openOperations()
    const answer = await openAi(stage).embeddings.create({
      model: 'one/m',
      input: 'a',
      encoding_format: 'float',
    })
    expect(answer.data[0]?.embedding).toEqual(VECTOR)
  })

  test('21: a server that ignores base64 is heard all the same', async () => {
    const data = [{ object: 'embedding', index: 0, embedding: VECTOR }]
    await using stage = await openOperations({
      one: (_asked, response) => sendJson(response, { object: 'list', data, model: 'm' }),
    })
    const answer = await openAi(stage).embeddings.create({ model: 'one/m', input: 'a' })
    expect([...(answer.data[0]?.embedding ?? [])]).toEqual(asFloat32)
  })

  test('all else of the request travels as it came, tokens and unknown fields too', async () => {
    await using stage = await openOperations()
    const body = '{ "input":[[1,2],[3]] ,"model":"one/m", "x_unknown": {"a":1.50} }'
    await fetch(`${stage.url}/v1/embeddings`, { method: 'POST', body })
    expect(stage.one.last.body).toBe(body.replace('one/m', 'm'))
    expect(stage.one.last.path).toBe('/v1/embeddings')
    expect(stage.one.last.headers.authorization).toBe('Bearer provider-key-0123456789')
  })

  test('what they cost is recorded once, under the operation’s name', async () => {
    await using stage = await openOperations()
    await openAi(stage).embeddings.create({ model: 'both', input: 'a' })
    const record = await stage.gateway.exchange(({ operation }) => operation === 'embeddings')
    expect(record).toMatchObject({
      state: 'completed',
      target: 'one/m',
      route: 'both',
      usage: { inputTokens: 7, outputTokens: 0 },
    })
    expect(stage.gateway.attempts).toMatchObject([{ usageSource: 'reported', flags: [] }])
  })
})

describe('embeddings over another dialect', () => {
  const config = (origin: string) => ({
    cohere: { dialect: 'cohere-chat', baseUrl: `${origin}/v2`, credential: 'k'.repeat(20) },
    ollama: { dialect: 'ollama-chat', baseUrl: `${origin}/api` },
  })

  test.each(['cohere', 'ollama'])('OpenAI’s client is served by %s', async (name) => {
    await using far = await openOperations({
      one: ({ path }, response) =>
        path === '/v2/embed'
          ? sendJson(response, {
              embeddings: { float: [VECTOR] },
              meta: { billed_units: { input_tokens: 4 } },
            })
          : sendJson(response, { embeddings: [VECTOR], prompt_eval_count: 4 }),
    })
    await using stage = await openOperations({ config: { providers: config(far.one.origin), routes: {} } })
    const answer = await openAi(stage).embeddings.create({ model: `${name}/m`, input: 'a', dimensions: 5 })
    expect([...(answer.data[0]?.embedding ?? [])]).toEqual(asFloat32)
    expect(answer.usage).toEqual({ prompt_tokens: 4, total_tokens: 4 })
    expect(JSON.parse(far.one.last.body)).toMatchObject(
      name === 'cohere' ? { texts: ['a'], output_dimension: 5 } : { input: ['a'], dimensions: 5 },
    )
  })

  test('OpenAI’s client is served by Gemini', async () => {
    await using stage = await openOperations()
    const answer = await openAi(stage).embeddings.create({
      model: 'google/m',
      input: ['a', 'b'],
      dimensions: 5,
    })
    expect(answer.data.map(({ embedding }) => [...embedding])).toEqual([asFloat32, asFloat32])
    expect(answer.usage).toEqual({ prompt_tokens: 9, total_tokens: 9 })
    expect(stage.one.last.path).toBe('/v1beta/models/m:batchEmbedContents')
    expect(JSON.parse(stage.one.last.body)).toEqual({
      requests: ['a', 'b'].map((text) => ({
        model: 'models/m',
        content: { parts: [{ text }] },
        outputDimensionality: 5,
      })),
    })
  })

  test.each(['/v1', '/v1beta'])('Google’s client is served by OpenAI below %s', async (base) => {
    await using stage = await openOperations()
    const content = { parts: [{ text: 'a' }] }
    const many = await post(stage, `${base}/models/one/m:batchEmbedContents`, {
      requests: [{ model: 'models/one/m', content, outputDimensionality: 5, taskType: 'CLUSTERING' }],
    })
    expect(many.headers.get('x-holdfast-losses')).toBe('taskType')
    expect(await many.text()).toBe(
      '{"embeddings":[{"values":[0.1,-0.25,1e-7,0.020942502]}],"usageMetadata":{"promptTokenCount":7}}',
    )
    expect(JSON.parse(stage.one.last.body)).toEqual({
      model: 'm',
      input: ['a'],
      dimensions: 5,
      encoding_format: 'float',
    })
    const one = await post(stage, `${base}/models/one/m:embedContent`, { content })
    expect(await one.json()).toMatchObject({ embedding: { values: [0.1, -0.25, 1e-7, 0.020942502] } })
  })

  test('Google’s client passes through to Gemini with the target’s own name of the model', async () => {
    await using stage = await openOperations()
    const requests = [{ model: 'models/google/m', content: { parts: [{ text: 'a' }] }, title: 't' }]
    const answer = await post(stage, '/v1beta/models/google/m:batchEmbedContents', { requests })
    expect(await answer.json()).toMatchObject({ usageMetadata: { promptTokenCount: 9 } })
    expect(JSON.parse(stage.one.last.body)).toEqual({ requests: [{ ...requests[0], model: 'models/m' }] })
  })

  test('tokens cannot be said to another tokenizer, and the refusal names the field', async () => {
    await using far = await openOperations()
    await using stage = await openOperations({ config: { providers: config(far.one.origin), routes: {} } })
    const answer = await post(stage, '/v1/embeddings', { model: 'ollama/m', input: [1, 2, 3] })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { code: 'loss_refused', param: 'input' } })
    expect(far.one.asked.filter(({ method }) => method === 'POST')).toEqual([])
  })
})

describe('a request for embeddings that nobody can serve', () => {
  test('is refused in the client’s dialect, naming the missing field', async () => {
    await using stage = await openOperations()
    const answer = await post(stage, '/v1/embeddings', { model: 'one/m' })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { param: 'input', type: 'invalid_request_error' } })
  })

  test('skips a target that has no such operation, and says so where it was the only one', async () => {
    await using stage = await openOperations({
      config: { routes: { mixed: { targets: ['claude/m', 'two/n'] } } },
    })
    const served = await openAi(stage).embeddings.create({ model: 'mixed', input: 'a' })
    expect(served.data).toHaveLength(1)
    const answer = await post(stage, '/v1/embeddings', { model: 'claude/m', input: 'a' })
    expect(answer.status).toBe(501)
    expect(await answer.text()).toContain('claude/m')
  })

  test('an answer that is none sends it to the next target', async () => {
    await using stage = await openOperations({
      one: (_asked, response) =>
        sendJson(response, { error: { message: 'overloaded', type: 'server_error' } }),
    })
    const answer = await post(stage, '/v1/embeddings', { model: 'both', input: 'a' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('x-holdfast-target')).toBe('two/n')
  })
})
