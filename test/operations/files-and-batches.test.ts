/** Files and batches through the gateway, in OpenAI's words and in Anthropic's. */

import Anthropic from '@anthropic-ai/sdk'
import OpenAI, { toFile } from 'openai'
import { describe, expect, test } from 'vitest'
import { openOperations, type OperationsStage } from '../support/operations-stage.ts'
import { sendJson } from '../support/operations-upstream.ts'

function openAi(stage: OperationsStage, headers: Readonly<Record<string, string>> = {}): OpenAI {
  return new OpenAI({ baseURL: `${stage.url}/v1`, apiKey: 'unused', maxRetries: 0, defaultHeaders: headers })
}

function anthropic(stage: OperationsStage): Anthropic {
  return new Anthropic({ baseURL: stage.url, apiKey: 'unused', maxRetries: 0 })
}

const at = { 'x-holdfast-provider': 'two' }

describe('files', () => {
  test('are kept, listed, read and deleted at the first provider that speaks the dialect', async () => {
    await using stage = await openOperations()
    const client = openAi(stage)
    const kept = await client.files.create({
      file: await toFile(Buffer.from('abc'), 'a.jsonl'),
      purpose: 'batch',
    })
    expect(kept.id).toBe('file-1')
    expect(stage.one.last.body).toContain('name="purpose"\r\n\r\nbatch')
    expect((await client.files.list({ limit: 3, order: 'asc' })).data).toHaveLength(1)
    expect(stage.one.last.path).toBe('/v1/files?limit=3&order=asc')
    expect((await client.files.retrieve('file-1')).filename).toBe('a.jsonl')
    const content = await client.files.content('file-1')
    expect(content.headers.get('content-type')).toBe('application/octet-stream')
    expect(await content.text()).toBe('{"line":1}\n{"line":2}\n')
    expect((await client.files.delete('file-1')).deleted).toBe(true)
    expect(stage.one.last.method).toBe('DELETE')
    expect(stage.two.asked).toEqual([])
    expect(stage.gateway.exchanges.map(({ target, state }) => [target, state])).toEqual(
      Array.from({ length: 5 }, () => ['one/files', 'completed']),
    )
  })

  test('are asked of the provider that the header names, and found there again without it', async () => {
    await using stage = await openOperations()
    const file = await toFile(Buffer.from('abc'), 'a.jsonl')
    await openAi(stage, at).files.create({ file, purpose: 'batch' })
    expect(stage.two.asked).toHaveLength(1)
    await openAi(stage).files.retrieve('file-1')
    await openAi(stage).batches.create({
      input_file_id: 'file-1',
      endpoint: '/v1/responses',
      completion_window: '24h',
    })
    await openAi(stage).files.content('file-out')
    expect(stage.two.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v1/files',
      'GET /v1/files/file-1',
      'POST /v1/batches',
      'GET /v1/files/file-out/content',
    ])
    expect(stage.one.asked).toEqual([])
  })

  test('a provider that is not configured is refused, naming those that are', async () => {
    await using stage = await openOperations()
    const asked = openAi(stage, { 'x-holdfast-provider': 'nobody' }).files.list()
    await expect(asked).rejects.toThrow(/one, two/)
    await expect(asked).rejects.toMatchObject({ status: 400 })
    expect(stage.one.asked).toEqual([])
  })

  test('our own header and the client’s key never travel', async () => {
    await using stage = await openOperations()
    await openAi(stage, at).files.list()
    expect(stage.two.last.headers).not.toHaveProperty('x-holdfast-provider')
    expect(stage.two.last.headers.authorization).toBe('Bearer provider-key-0123456789')
  })

  test.each(['%2e%2e', '..%2fsecrets', 'a%20b', 'a%3fb', 'x'.repeat(129)])(
    'an id that could be anything else is refused: %s',
    async (id) => {
      await using stage = await openOperations()
      const answer = await fetch(`${stage.url}/v1/files/${id}/content`)
      expect([400, 404]).toContain(answer.status)
      expect(stage.one.asked).toEqual([])
    },
  )

  test('one that is not there is not found, and says nothing against the provider', async () => {
    await using stage = await openOperations({
      one: ({ method }, response) =>
        method === 'GET'
          ? sendJson(response, { error: { message: 'No such File object: file-9', param: 'id' } }, 404)
          : false,
    })
    await expect(openAi(stage).files.retrieve('file-9')).rejects.toMatchObject({
      status: 404,
      code: 'resource_not_found',
      message: expect.stringContaining('No such File object: file-9') as string,
    })
    const file = await toFile(Buffer.from('abc'), 'a.jsonl')
    expect((await openAi(stage).files.create({ file, purpose: 'batch' })).id).toBe('file-1')
    expect(stage.gateway.notices.filter(({ level }) => level === 'error')).toEqual([])
  })

  test('Anthropic’s clients reach Anthropic’s files on the same path', async () => {
    await using stage = await openOperations()
    const headers = { 'anthropic-version': '2023-06-01', 'anthropic-beta': 'files-api-2025-04-14' }
    const form = new FormData()
    form.set('file', new Blob(['abc']), 'a.txt')
    const answer = await fetch(`${stage.url}/v1/files?beta=true`, { method: 'POST', headers, body: form })
    expect(await answer.json()).toMatchObject({ id: 'file_1', type: 'file' })
    expect(answer.headers.get('x-holdfast-target')).toBe('claude/files')
    expect(stage.one.last).toMatchObject({
      path: '/v1/files?beta=true',
      headers: { 'x-api-key': 'provider-key-0123456789', ...headers },
    })
    const deleted = await fetch(`${stage.url}/v1/files/file_x`, { method: 'DELETE', headers })
    expect(await deleted.json()).toMatchObject({ type: 'error', error: { type: 'not_found_error' } })
  })
})

describe('batches', () => {
  test('of OpenAI are made, listed, looked at and cancelled', async () => {
    await using stage = await openOperations()
    const client = openAi(stage)
    await client.batches.create({
      input_file_id: 'file-1',
      endpoint: '/v1/responses',
      completion_window: '24h',
    })
    // What it will come to nobody knows yet: never nothing.
    await expect.poll(() => stage.gateway.exchanges.length).toBe(1)
    expect(stage.gateway.exchanges[0]?.costNanoUsd).toBeUndefined()
    expect((await client.batches.list({ limit: 2 })).data).toHaveLength(1)
    await expect.poll(() => stage.gateway.exchanges[1]?.costNanoUsd).toBe(0)
    expect((await client.batches.retrieve('batch_1')).status).toBe('completed')
    expect((await client.batches.cancel('batch_1')).id).toBe('batch_1')
    expect(stage.one.last).toMatchObject({ method: 'POST', path: '/v1/batches/batch_1/cancel', body: '{}' })
  })

  test('20: of Anthropic’s, results are fetched through the gateway, by the official library', async () => {
    await using stage = await openOperations()
    const client = anthropic(stage)
    const params = {
      model: 'claude/claude-x',
      max_tokens: 1,
      messages: [{ role: 'user' as const, content: 'a' }],
    }
    const made = await client.messages.batches.create({ requests: [{ custom_id: 'a', params }] })
    expect(JSON.parse(stage.one.last.body)).toMatchObject({ requests: [{ params: { model: 'claude-x' } }] })
    expect(made.results_url).toBe(`${stage.url}/v1/messages/batches/msgbatch_1/results`)
    const results: string[] = []
    for await (const result of await client.messages.batches.results('msgbatch_1'))
      results.push(result.custom_id)
    expect(results).toEqual(['a'])
    expect(stage.one.last.path).toBe('/v1/messages/batches/msgbatch_1/results')
    const [listed] = (await client.messages.batches.list({ limit: 1 })).data
    expect(listed?.results_url).toBe(`${stage.url}/v1/messages/batches/msgbatch_1/results`)
    expect((await client.messages.batches.cancel('msgbatch_1')).id).toBe('msgbatch_1')
    expect((await client.messages.batches.delete('msgbatch_1')).type).toBe('message_batch_deleted')
    expect(stage.gateway.exchanges.every(({ operation }) => operation === 'batches')).toBe(true)
  })

  test('20: the address of results is the one that the client uses', async () => {
    await using stage = await openOperations()
    const headers = { 'x-forwarded-proto': 'https', 'anthropic-version': '2023-06-01' }
    const answer = await fetch(`${stage.url}/anthropic/v1/messages/batches/msgbatch_1`, { headers })
    const { host } = new URL(stage.url)
    expect(await answer.json()).toMatchObject({
      results_url: `https://${host}/anthropic/v1/messages/batches/msgbatch_1/results`,
    })
    const followed = await fetch(`${stage.url}/anthropic/v1/messages/batches/msgbatch_1/results`, { headers })
    expect(await followed.text()).toContain('custom_id')
  })
})
