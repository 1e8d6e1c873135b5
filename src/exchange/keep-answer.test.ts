import { expect, test } from 'vitest'
import { createResponseStore } from '../archive/response-store.ts'
import { openaiResponses } from '../dialects/openai-responses/index.ts'
import type { Reply } from '../execution/reply.ts'
import { StopSource } from '../std/stop-signal.ts'
import { EVENT_BYTES_MAX, encodeSse } from '../wire/sse.ts'
import { keepAnswer } from './keep-answer.ts'

const clock = { wallMs: () => 0, nowMs: () => 0, after: () => ({ cancel() {} }) }

function keep(chunks: readonly Uint8Array[]) {
  const { conversation } = openaiResponses
  if (conversation === undefined) throw new Error('the dialect has no conversations')
  const body = Buffer.from('{"model":"m","input":"hi"}')
  const envelope = openaiResponses.peek(body, 'chat')
  const facts = { id: 'req_1', headers: {}, arrivedAtMs: 0, signal: new StopSource() }
  const exchange = { ...facts, dialect: openaiResponses, operation: 'chat', envelope, body } as const
  const references = conversation.readReferences(body, envelope)
  const settled = Promise.resolve({ state: 'completed', bodyBytes: 0 } as const)
  async function* source() {
    yield* chunks
  }
  const reply: Reply = {
    status: 200,
    contentType: 'text/event-stream',
    body: source(),
    attempts: [],
    losses: [],
    close() {},
    settled,
  }
  const store = createResponseStore({ clock })
  const kept = keepAnswer(reply, { exchange, conversation, references, owner: 'laptop' }, store)
  return { store, body: kept.body as AsyncIterable<Uint8Array> } // Sound: it was given one.
}

const done = encodeSse(
  '{"type":"response.completed","response":{"id":"resp_1","output":[]}}',
  'response.completed',
)

test('an answer is kept on its way, wherever its bytes are cut', async () => {
  const bytes = Buffer.from(done)
  const { store, body } = keep([bytes.subarray(0, 20), bytes.subarray(20)])
  expect(Buffer.concat(await Array.fromAsync(body)).toString()).toBe(done)
  expect(store.get('resp_1', 'laptop')?.input).toMatchObject([{ type: 'message', role: 'user' }])
})

test('an answer too large to be kept reaches its client all the same', async () => {
  const large = Buffer.alloc(EVENT_BYTES_MAX / 2, 'x')
  const { store, body } = keep([Buffer.from('data: '), large, large, large, Buffer.from(`\n\n${done}`)])
  const sizes = (await Array.fromAsync(body)).map((chunk) => chunk.length)
  expect(sizes.reduce((sum, size) => sum + size)).toBeGreaterThan(EVENT_BYTES_MAX)
  expect(store.get('resp_1', 'laptop')).toBeUndefined()
})
