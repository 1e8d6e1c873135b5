import { describe, expect, test, vi } from 'vitest'
import { createResponseStore } from '../archive/response-store.ts'
import { openaiResponses } from '../dialects/openai-responses/index.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'
import { StopSource } from '../std/stop-signal.ts'
import { encodeSse } from '../wire/sse.ts'
import { createBackgroundAnswers } from './background-answers.ts'

const clock = { wallMs: () => 0, nowMs: () => 0, after: () => ({ cancel() {} }) }

function stage() {
  const responses = createResponseStore({ clock })
  let count = 0
  const ids = { next: (prefix: string) => `${prefix}${(count += 1)}` }
  const background = createBackgroundAnswers({ clock, ids, responses })
  const statusOf = (id: string) => responses.get(id, 'laptop')?.answer['status']
  return { responses, background, statusOf }
}

function exchangeOf(fields: Readonly<Record<string, unknown>>): Exchange {
  const body = Buffer.from(JSON.stringify({ model: 'm', input: 'hi', background: true, ...fields }))
  return {
    id: 'req_1',
    dialect: openaiResponses,
    operation: 'chat',
    envelope: openaiResponses.peek(body, 'chat'),
    body,
    headers: {},
    arrivedAtMs: 0,
    signal: new StopSource(),
  }
}

function replyOf(body: Reply['body'], close: Reply['close'] = () => {}): Reply {
  const settled = Promise.resolve({ state: 'completed', bodyBytes: 0 } as const)
  return { status: 200, contentType: 'text/event-stream', body, attempts: [], losses: [], close, settled }
}

const response = { id: 'resp_far', object: 'response', status: 'completed', output: [] }
const begun = { type: 'response.created', sequence_number: 0, response: { ...response, status: 'queued' } }
const done = { type: 'response.completed', sequence_number: 1, response }
const said = (...events: readonly { readonly type: string }[]) =>
  Buffer.from(events.map((event) => encodeSse(JSON.stringify(event), event.type)).join(''))

describe('an answer made in the background', () => {
  test('is whole, and its place given back, where the target answered in one piece', async () => {
    const { background, statusOf } = stage()
    const close = vi.fn()
    background.start(exchangeOf({}), 'laptop', async () => replyOf(said(begun, done), close))
    await vi.waitFor(() => expect(close).toHaveBeenCalledWith(true))
    expect(statusOf('resp_1')).toBe('completed')
  })

  const readAlong = async (body: Reply['body'] | undefined) => {
    const chunks = body instanceof Uint8Array ? [body] : await Array.fromAsync(body ?? [])
    return Buffer.concat(chunks)
      .toString()
      .split('\n')
      .filter((line) => line.startsWith('data: '))
      .map((line) => JSON.parse(line.slice('data: '.length)))
  }

  test('has no event after the last, and tells a client that says it has one that it read another response', async () => {
    const { background } = stage()
    const more = Promise.withResolvers<void>()
    async function* slowly() {
      yield said(begun)
      await more.promise
      yield said(done)
    }
    const reply = background.start(exchangeOf({ stream: true }), 'laptop', async () => replyOf(slowly()))
    const follow = (sequence: number) => background.follow('resp_1', 'laptop', sequence)
    await vi.waitFor(() => expect(follow(0)).toBeDefined())
    expect(() => follow(1)).toThrow('has no event after number 0 yet')
    const along = readAlong(follow(0))
    more.resolve()
    expect(await along).toMatchObject([{ sequence_number: 1 }])
    await readAlong(reply.body)
    expect(await readAlong(follow(1))).toEqual([])
    const refused = expect.objectContaining({ code: 'invalid_request', facts: { param: 'starting_after' } })
    expect(() => follow(2)).toThrow(refused)
    expect(() => follow(2)).toThrow('has no event after number 1, so that a client which has number 2')
  })

  test('that nobody could begin says so in its events, and to those who come by its id', async () => {
    const { background, responses } = stage()
    const refusal = new GatewayError('budget_exceeded', 'The budget is spent.')
    const reply = background.start(exchangeOf({ stream: true }), 'laptop', () => Promise.reject(refusal))
    const told = await readAlong(reply.body)
    expect(told).toMatchObject([
      {
        type: 'response.created',
        sequence_number: 0,
        response: { id: 'resp_1', status: 'queued', error: null, background: true },
      },
      {
        type: 'response.failed',
        sequence_number: 1,
        response: {
          id: 'resp_1',
          status: 'failed',
          background: true,
          error: { code: 'insufficient_quota', message: 'The budget is spent.' },
        },
      },
    ])
    expect(told[1].response).toEqual(responses.get('resp_1', 'laptop')?.answer)
    expect(await readAlong(background.follow('resp_1', 'laptop', -1))).toEqual(told)
    expect(await readAlong(background.follow('resp_1', 'laptop', 0))).toEqual(told.slice(1))
  })

  test('that ends without a word of its end is told as broken off, after what was said', async () => {
    const { background, statusOf } = stage()
    const reply = background.start(exchangeOf({ stream: true }), 'laptop', async () => replyOf(said(begun)))
    const told = await readAlong(reply.body)
    expect(told.map(({ type, sequence_number }) => [type, sequence_number])).toEqual([
      ['response.created', 0],
      ['response.failed', 1],
    ])
    expect(told[1].response).toMatchObject({
      id: 'resp_1',
      error: { holdfast: { type: 'upstream_truncated' } },
    })
    expect(statusOf('resp_1')).toBe('failed')
  })

  test('stays cancelled, whatever still comes of it', async () => {
    const { background, statusOf } = stage()
    const more = Promise.withResolvers<void>()
    const close = vi.fn()
    async function* body() {
      yield said(begun)
      await more.promise
      yield said(done)
    }
    background.start(exchangeOf({}), 'laptop', async () => replyOf(body(), close))
    await vi.waitFor(() => expect(statusOf('resp_1')).toBe('in_progress'))
    background.cancel('resp_1', 'laptop')
    more.resolve()
    await vi.waitFor(() => expect(close).toHaveBeenCalled())
    expect(statusOf('resp_1')).toBe('cancelled')
  })

  test('stays deleted, and its events are given up', async () => {
    const { background, responses } = stage()
    const more = Promise.withResolvers<void>()
    const close = vi.fn()
    async function* body() {
      yield said(begun)
      await more.promise
      yield said(done)
    }
    background.start(exchangeOf({}), 'laptop', async () => replyOf(body(), close))
    background.forget('resp_1', 'laptop')
    responses.delete('resp_1', 'laptop')
    more.resolve()
    await vi.waitFor(() => expect(close).toHaveBeenCalled())
    expect(responses.get('resp_1', 'laptop')).toBeUndefined()
    expect(background.follow('resp_1', 'laptop', -1)).toBeUndefined()
  })

  test('that is cut off by our own end is no wish of its client', async () => {
    const { background, responses } = stage()
    const served = Promise.withResolvers<Exchange>()
    background.start(exchangeOf({}), 'laptop', (detached) => {
      served.resolve(detached)
      return new Promise(() => {})
    })
    const events = background.follow('resp_1', 'laptop', -1)
    const { signal } = await served.promise
    background.stop()
    await expect(Array.fromAsync(events ?? [])).rejects.toMatchObject({ code: 'gateway_shutting_down' })
    expect(signal.reason).toMatchObject({ code: 'gateway_shutting_down' })
    expect(responses.get('resp_1', 'laptop')?.answer).toMatchObject({ status: 'failed' })
  })

  test('has bytes of its own: those of its client are given back at once', async () => {
    const { background } = stage()
    const exchange = exchangeOf({ stream: true })
    const served = Promise.withResolvers<Exchange>()
    background.start(exchange, 'laptop', async (detached) => {
      served.resolve(detached)
      return replyOf(said(begun, done))
    })
    exchange.body.fill(0)
    const { body } = await served.promise
    expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({ background: false, stream: true })
  })

  test('is made without the key under which it was begun, so that it can be cancelled', async () => {
    const { background } = stage()
    const served = Promise.withResolvers<Exchange>()
    const ofEvents = { 'x-holdfast-durable': '1', 'last-event-id': '2', 'x-holdfast-after': '2' }
    const headers = { 'idempotency-key': 'k', 'x-holdfast-cache': 'on', 'x-team': 'a', ...ofEvents }
    background.start({ ...exchangeOf({}), headers }, 'laptop', async (detached) => {
      served.resolve(detached)
      return replyOf(said(begun, done))
    })
    expect((await served.promise).headers).toEqual({ 'x-holdfast-cache': 'off', 'x-team': 'a' })
  })

  test('may be followed only under the key that began it', () => {
    const { background } = stage()
    background.start(exchangeOf({}), 'laptop', () => new Promise(() => {}))
    expect(background.follow('resp_1', 'phone', -1)).toBeUndefined()
    expect(background.follow('resp_1', undefined, -1)).toBeUndefined()
    expect(background.follow('resp_1', 'laptop', -1)).toBeDefined()
  })
})
