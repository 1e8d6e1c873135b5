/** What a Responses client may come back to: earlier answers, their items, and answers made in the background. */

import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EveryDialect, openEveryDialect } from '../support/every-dialect.ts'

const LAPTOP = 'key-of-the-laptop-0123456789abcdef'
const PHONE = 'key-of-the-phone-0123456789abcdef'

let world: EveryDialect
beforeAll(async () => {
  world = await openEveryDialect({
    config: {
      keys: [
        { name: 'laptop', key: LAPTOP },
        { name: 'phone', key: PHONE },
      ],
    },
    scenario: {
      answers: [
        { contains: 'my name', text: 'Hello Ada.' },
        { contains: 'who am I', text: 'You are Ada.' },
      ],
      faults: [
        { fault: 'stall(token=3,ms=0)', model: 'stalls' },
        { fault: 'stall(token=1,ms=500)', model: 'pauses' },
        { fault: 'overloaded', model: 'overloaded' },
      ],
    },
    routes: {
      both: { targets: ['chat/mock', 'responses/mock'], retries: 0 },
      broken: { targets: ['chat/overloaded'], retries: 0 },
    },
  })
})
afterAll(() => world[Symbol.asyncDispose]())

const client = (apiKey = LAPTOP) => new OpenAI({ baseURL: `${world.url}/v1`, apiKey, maxRetries: 0 })

function lastBody(): Readonly<Record<string, unknown>> {
  const call = world.simulator.calls.findLast(({ method }) => method === 'POST')
  // Sound: what the gateway sends to a provider is one JSON object.
  return JSON.parse(Buffer.from(call?.body ?? []).toString()) as Readonly<Record<string, unknown>>
}

const texts = (value: unknown) => JSON.stringify(value)

describe.each(['chat', 'messages', 'gemini', 'cohere'])('over a provider that speaks %s', (target) => {
  const model = `${target}/mock`

  test('an answer is continued by its id, with everything said before', async () => {
    const first = await client().responses.create({ model, input: 'Remember my name: Ada.' })
    expect(first.output_text).toBe('Hello Ada.')
    const second = await client().responses.create({
      model,
      previous_response_id: first.id,
      input: 'So who am I?',
    })
    expect(second.output_text).toBe('You are Ada.')
    expect(second.previous_response_id).toBe(first.id)
    expect(texts(lastBody())).toMatch(/Remember my name: Ada\..*Hello Ada\..*So who am I\?/)
  })

  test('a streamed answer is continued as a plain one is, any number of turns', async () => {
    let previous: string | undefined
    for (const input of ['Remember my name: Ada.', 'Go on.', 'So who am I?']) {
      const stream = client().responses.stream({
        model,
        input,
        ...(previous === undefined ? {} : { previous_response_id: previous }),
      })
      previous = (await stream.finalResponse()).id
    }
    expect(texts(lastBody())).toMatch(/Remember my name: Ada\..*Hello Ada\..*Go on\..*So who am I\?/)
  })

  test('need 5: items are referred to by their ids', async () => {
    const tool = { type: 'function', name: 'weather', parameters: {}, strict: false } as const
    const first = await client().responses.create({
      model: `${target}/tools`,
      input: 'How is the weather?',
      tools: [tool],
    })
    const [call] = first.output.filter((item) => item.type === 'function_call')
    const second = await client().responses.create({
      model: `${target}/tools`,
      tools: [tool],
      input: [
        { role: 'user', content: 'How is the weather?' },
        { type: 'item_reference', id: call?.id ?? '' },
        { type: 'function_call_output', call_id: call?.call_id ?? '', output: 'raining cables' },
      ],
    })
    expect(second.output_text).toContain('raining cables')
  })
})

describe('an answer that is kept', () => {
  test('is read, listed, deleted and then gone', async () => {
    const made = await client().responses.create({ model: 'chat/mock', input: 'Remember my name: Ada.' })
    const read = await client().responses.retrieve(made.id)
    expect(read).toMatchObject({ id: made.id, status: 'completed', output: made.output })
    const items = await client().responses.inputItems.list(made.id)
    expect(items.data).toMatchObject([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Remember my name: Ada.' }] },
    ])
    await client().responses.delete(made.id)
    await expect(client().responses.retrieve(made.id)).rejects.toMatchObject({ status: 404 })
  })

  test('is kept for the key that made it and for no other', async () => {
    const made = await client().responses.create({ model: 'chat/mock', input: 'hi' })
    const stranger = client(PHONE).responses
    await expect(stranger.retrieve(made.id)).rejects.toMatchObject({ status: 404 })
    await expect(stranger.delete(made.id)).rejects.toMatchObject({ status: 404 })
    await expect(
      stranger.create({ model: 'chat/mock', input: 'hi', previous_response_id: made.id }),
    ).rejects.toMatchObject({ status: 400, code: 'previous_response_not_found' })
    expect((await client().responses.retrieve(made.id)).id).toBe(made.id)
  })

  test('is not told to another key by its own provider either, which knows only the gateway', async () => {
    const made = await client().responses.create({ model: 'responses/mock', input: 'hi' })
    const asked = { model: 'responses/mock', input: 'who am I', previous_response_id: made.id }
    await expect(client(PHONE).responses.create(asked)).rejects.toMatchObject({ status: 400 })
    expect(lastBody()).toMatchObject({ input: 'hi' })
    await client().responses.create(asked)
    expect(lastBody()).toMatchObject({ previous_response_id: made.id })
  })

  test('is kept though its client left, where a key has it made to its end', async () => {
    const body = { model: 'chat/pauses', input: 'Remember my name: Ada.', stream: true } as const
    const under = { headers: { 'idempotency-key': 'left' } }
    let id = ''
    for await (const event of await client().responses.create(body, under)) {
      if (event.type !== 'response.created') continue
      id = event.response.id
      break
    }
    await world.gateway.exchange(({ modelId, state }) => modelId === body.model && state === 'client_gone')
    const again = await client().responses.create(body, under).withResponse()
    expect(again.response.headers.get('x-holdfast-recall')).toBe('replayed')
    expect((await readAll(again.data)).at(-1)).toMatchObject({ type: 'response.completed', response: { id } })
    expect((await client().responses.retrieve(id)).output_text).toBe('Hello Ada.')
    const next = { model: 'chat/mock', input: 'So who am I?', previous_response_id: id }
    expect((await client().responses.create(next)).output_text).toBe('You are Ada.')
  })

  test('is not kept where the client says so', async () => {
    const made = await client().responses.create({ model: 'chat/mock', input: 'hi', store: false })
    await expect(client().responses.retrieve(made.id)).rejects.toMatchObject({ status: 404 })
  })

  test('an unknown one is told as OpenAI tells it, and left to a provider that may know it', async () => {
    const asked = { input: 'hi', previous_response_id: 'resp_made_elsewhere' }
    await expect(client().responses.create({ model: 'chat/mock', ...asked })).rejects.toMatchObject({
      status: 400,
      code: 'previous_response_not_found',
    })
    await client().responses.create({ model: 'responses/mock', ...asked })
    expect(lastBody()).toMatchObject({ previous_response_id: 'resp_made_elsewhere' })
  })

  test('whoever made it is asked first and as it stands; others are told everything', async () => {
    const first = await client().responses.create({
      model: 'responses/mock',
      input: 'Remember my name: Ada.',
    })
    await client().responses.create({ model: 'both', input: 'who am I', previous_response_id: first.id })
    expect(lastBody()).toMatchObject({ previous_response_id: first.id, input: 'who am I' })
    await client().responses.create({ model: 'chat/mock', input: 'who am I', previous_response_id: first.id })
    expect(texts(lastBody())).toMatch(/Remember my name: Ada\..*Hello Ada\..*who am I/)
  })
})

describe('an answer made in the background', () => {
  test('is there at once, and whole when it is done', async () => {
    const begun = await client().responses.create({
      model: 'chat/mock',
      input: 'Remember my name: Ada.',
      background: true,
    })
    expect(['queued', 'in_progress']).toContain(begun.status)
    const done = await untilDone(begun.id)
    expect(done).toMatchObject({ id: begun.id, status: 'completed', background: true })
    expect(done.output_text).toBe('Hello Ada.')
  })

  test('is read along from any event on', async () => {
    const stream = await client().responses.create({
      model: 'messages/mock',
      input: 'Remember my name: Ada.',
      background: true,
      stream: true,
    })
    const events = await readAll(stream)
    const id = events.flatMap((event) => ('response' in event ? [event.response.id] : []))
    expect(new Set(id).size).toBe(1)
    const again = await client().responses.retrieve(id[0] ?? '', { stream: true, starting_after: 3 })
    const rest = await readAll(again)
    expect(rest).toEqual(events.filter((event) => event.sequence_number > 3))
    expect(rest.at(-1)?.type).toBe('response.completed')
    const beyond = events.length
    await expect(
      client().responses.retrieve(id[0] ?? '', { stream: true, starting_after: beyond }),
    ).rejects.toMatchObject({ status: 400, param: 'starting_after', code: 'invalid_request' })
  })

  test('is cancelled, and its provider is left', async () => {
    const begun = await client().responses.create({ model: 'chat/stalls', input: 'hi', background: true })
    const cancelled = await client().responses.cancel(begun.id)
    expect(cancelled.status).toBe('cancelled')
    expect((await client().responses.retrieve(begun.id)).status).toBe('cancelled')
    await world.gateway.exchange(({ modelId, state }) => modelId === 'chat/stalls' && state === 'client_gone')
  })

  describe('under an idempotency key', () => {
    const under = (key: string) => ({ headers: { 'idempotency-key': key } })
    const asks = (text: string) =>
      world.simulator.calls.filter(({ body }) => Buffer.from(body).includes(text)).length

    test('is begun once: the same answer by the same id, and a charge for one', async () => {
      const body = { model: 'chat/mock', input: 'Once, in the background.', background: true } as const
      const first = await client().responses.create(body, under('once'))
      const [again, alike] = await Promise.all([
        client().responses.create(body, under('once')).withResponse(),
        client().responses.create(body, under('once')),
      ])
      expect(again.data).toEqual(first)
      expect(alike).toEqual(first)
      expect(again.response.headers.get('x-holdfast-recall')).toBe('replayed')
      expect((await untilDone(first.id)).status).toBe('completed')
      expect(await client().responses.create(body, under('once'))).toEqual(first)
      expect(asks('Once, in the background.')).toBe(1)
      // Each has its record, and gave its place back.
      const records = world.gateway.exchanges.filter(({ recall }) => recall === 'replayed')
      expect(records.length).toBeGreaterThanOrEqual(1)
      const other = await client(PHONE).responses.create(body, under('once'))
      expect(other.id).not.toBe(first.id)
    })

    test('is refused at once where another request has the key', async () => {
      const body = { model: 'chat/mock', background: true } as const
      await client().responses.create({ ...body, input: 'one' }, under('taken'))
      const other = client().responses.create({ ...body, input: 'Quite another.' }, under('taken'))
      await expect(other).rejects.toMatchObject({ status: 422, code: 'idempotency_mismatch' })
      expect(asks('Quite another.')).toBe(0)
    })

    test('is not begun anew for who wants to go on with one and does not say its key', async () => {
      const body = { model: 'chat/mock', input: 'Gone on with.', background: true, stream: true } as const
      const lost = client().responses.create(body, { headers: { 'last-event-id': '3' } })
      await expect(lost).rejects.toMatchObject({ status: 400, param: 'Idempotency-Key' })
      expect(asks('Gone on with.')).toBe(0)
    })

    test('gives its events again from the first on', async () => {
      const body = {
        model: 'messages/mock',
        input: 'Streamed once.',
        background: true,
        stream: true,
      } as const
      const read = async () => readAll(await client().responses.create(body, under('streamed')))
      const [first, alike] = await Promise.all([read(), read()])
      expect(first.at(-1)?.type).toBe('response.completed')
      expect(alike).toEqual(first)
      expect(await read()).toEqual(first)
      expect(asks('Streamed once.')).toBe(1)
    })

    test('that failed before it began is told so again, and nobody is asked again', async () => {
      const body = { model: 'broken', input: 'Nobody answers.', background: true, stream: true } as const
      const first = await readAll(await client().responses.create(body, under('failed')))
      expect(first.map(({ type }) => type)).toEqual(['response.created', 'response.failed'])
      const again = await client().responses.create(body, under('failed')).withResponse()
      expect(again.response.headers.get('x-holdfast-recall')).toBe('replayed')
      expect(await readAll(again.data)).toEqual(first)
      expect(asks('Nobody answers.')).toBe(1)
    })

    test('is cancelled, and its provider is left', async () => {
      const input = 'Cancelled under a key.'
      const body = { model: 'messages/stalls', input, background: true } as const
      const begun = await client().responses.create(body, under('cancelled'))
      await client().responses.cancel(begun.id)
      await world.gateway.exchange(
        ({ modelId, state }) => modelId === 'messages/stalls' && state === 'client_gone',
      )
      expect((await client().responses.create(body, under('cancelled'))).id).toBe(begun.id)
      expect((await client().responses.retrieve(begun.id)).status).toBe('cancelled')
    })
  })

  test('says why it failed', async () => {
    const begun = await client().responses.create({ model: 'broken', input: 'hi', background: true })
    const done = await untilDone(begun.id)
    expect(done.status).toBe('failed')
    expect(done.error?.message).toMatch(/overloaded/i)
  })

  test('says so to those who read along, though it failed before it began', async () => {
    const body = { model: 'broken', input: 'hi', background: true, stream: true } as const
    const events = await readAll(await client().responses.create(body))
    const [begun, failed] = events.map((event) => ('response' in event ? event.response : undefined))
    expect(events.map(({ type, sequence_number }) => [type, sequence_number])).toEqual([
      ['response.created', 0],
      ['response.failed', 1],
    ])
    expect(failed).toMatchObject({ id: begun?.id, status: 'failed', background: true })
    expect(failed?.error?.message).toMatch(/overloaded/i)
    expect(failed).toMatchObject({ error: { holdfast: { type: 'upstream_overloaded' } } })
    expect(await client().responses.retrieve(begun?.id ?? '')).toMatchObject({ error: failed?.error })
    const again = await client().responses.retrieve(begun?.id ?? '', { stream: true })
    expect(await readAll(again)).toEqual(events)
  })
})

test('need 2: a WebSocket is turned away with 426, so that the client falls back at once', async () => {
  const { get } = await import('node:http')
  const status = await new Promise((resolve, reject) => {
    get(
      `${world.url}/v1/responses`,
      {
        headers: {
          connection: 'Upgrade',
          upgrade: 'websocket',
          'sec-websocket-version': '13',
          'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        },
      },
      (response) => {
        response.resume()
        resolve(response.statusCode)
      },
    ).on('error', reject)
  })
  expect(status).toBe(426)
})

async function readAll(
  stream: AsyncIterable<OpenAI.Responses.ResponseStreamEvent>,
): Promise<readonly OpenAI.Responses.ResponseStreamEvent[]> {
  return Array.fromAsync(stream)
}

async function untilDone(id: string): Promise<OpenAI.Responses.Response> {
  for (;;) {
    const read = await client().responses.retrieve(id)
    if (read.status !== 'queued' && read.status !== 'in_progress') return read
  }
}
