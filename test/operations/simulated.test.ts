/** The simulated provider beside chats, in process: what a first visitor gets without any account. */

import OpenAI, { toFile } from 'openai'
import { expect, test } from 'vitest'
import { startTestGateway } from '../support/gateway.ts'

test('the simulator makes embeddings, hears, speaks and keeps files', async () => {
  await using gateway = await startTestGateway({ config: { discover: false } })
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'unused', maxRetries: 0 })
  const model = 'simulator/mock'
  const embeddings = await client.embeddings.create({ model, input: ['a', 'b'] })
  expect(embeddings.data).toHaveLength(2)
  expect(embeddings.data[0]?.embedding.length).toBeGreaterThan(0)
  const file = await toFile(Buffer.alloc(2_000_000, 'sound'), 'a.wav')
  const heard = await client.audio.transcriptions.create({ model, file })
  expect(heard.text).not.toBe('')
  const spoken = await client.audio.speech.create({ model, voice: 'alloy', input: 'hello' })
  expect((await spoken.arrayBuffer()).byteLength).toBeGreaterThan(0)
  expect(spoken.headers.get('x-holdfast-simulated')).toBe('true')
  const kept = await client.files.create({
    file: await toFile(Buffer.from('{}\n'), 'a.jsonl'),
    purpose: 'batch',
  })
  expect(await (await client.files.content(kept.id)).text()).toBe('{}\n')
  await client.files.delete(kept.id)
  await expect(client.files.retrieve(kept.id)).rejects.toMatchObject({ status: 404 })
})
