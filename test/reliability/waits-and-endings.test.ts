import { describe, expect, test } from 'vitest'
import { dialects } from '../../src/dialects/index.ts'
import { GatewayError } from '../../src/errors/gateway-error.ts'
import { healthKey } from '../../src/routing/planner.ts'
import { createWorld, drive, json, plainAnswer, sse, type World } from './world.ts'

const limit = (world: World, name: string, retryAfterMs: number) =>
  world.health.recordFailure(
    healthKey(world.target(name)),
    new GatewayError('rate_limited', 'slower', { retryAfterMs }),
    world.clock.nowMs(),
  )
const refuse = (world: World, name: string) =>
  world.health.recordFailure(
    healthKey(world.target(name)),
    new GatewayError('upstream_auth', 'dead key'),
    world.clock.nowMs(),
  )

describe('waits of a limited target', () => {
  test('a target limited for 1 s is waited for though the only other has a dead key', async () => {
    const world = createWorld({ a: 'openai-chat', b: 'openai-chat' }, () => json(plainAnswer))
    limit(world, 'a', 1_000)
    refuse(world, 'b')
    const outcome = await drive(world.clock, world.run())
    expect(outcome.error).toBeUndefined()
    expect(world.calls.map((call) => call.target)).toEqual(['a'])
  })

  test('of two limited targets the one that is free sooner is waited for', async () => {
    const world = createWorld({ a: 'openai-chat', b: 'openai-chat' }, () => json(plainAnswer))
    limit(world, 'a', 500)
    limit(world, 'b', 30_000)
    const outcome = await drive(world.clock, world.run())
    expect(outcome.error).toBeUndefined()
    expect(world.calls.map((call) => call.target)).toEqual(['a'])
  })

  test('a 429 with a 5 s wait is waited out where the other target cannot be called anyway', async () => {
    const world = createWorld({ a: 'openai-chat', b: 'openai-chat' }, (_call, number) => {
      if (number === 1) throw new GatewayError('rate_limited', 'slower', { retryAfterMs: 5_000 })
      return json(plainAnswer)
    })
    refuse(world, 'b')
    const outcome = await drive(world.clock, world.run())
    expect(outcome.error).toBeUndefined()
    expect(world.calls.map((call) => call.target)).toEqual(['a', 'a'])
  })

  test('I8: a window that grew during the wait is not called into', async () => {
    const world = createWorld({ a: 'openai-chat' }, () => json(plainAnswer))
    limit(world, 'a', 1_000)
    const running = world.run()
    await new Promise((resolve) => setImmediate(resolve))
    world.clock.advance(500)
    limit(world, 'a', 60_000)
    const outcome = await drive(world.clock, running)
    expect(world.calls).toHaveLength(0)
    expect(outcome.error).toMatchObject({ code: 'rate_limited' })
  })

  test('I8: those who waited for a limited target do not all come at once', async () => {
    const world = createWorld({ a: 'openai-chat' }, () => {
      throw new GatewayError('rate_limited', 'slower', { retryAfterMs: 30_000 })
    })
    limit(world, 'a', 1_000)
    const startMs = world.clock.nowMs()
    const runs = Array.from({ length: 50 }, () => world.run())
    await drive(world.clock, Promise.allSettled(runs))
    const together = world.calls.filter((call) => call.atMs <= startMs + 1_020)
    expect(together.length).toBeLessThan(10)
  })
})

test('I8: an answer that began before a 429 does not end its window', async () => {
  let finish = () => {}
  const world = createWorld({ a: 'openai-chat' }, async (_call, number) => {
    if (number === 1) {
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      return json(plainAnswer)
    }
    throw new GatewayError('rate_limited', 'slower', { retryAfterMs: 60_000 })
  })
  const first = world.run()
  await new Promise((resolve) => setImmediate(resolve))
  const second = await drive(world.clock, world.run())
  expect(second.error).toMatchObject({ code: 'rate_limited' })
  finish()
  await first
  expect(world.health.verdict(healthKey(world.target('a')), world.clock.nowMs()).type).toBe('limited')
})

describe('the error the client is told', () => {
  test('a request that is wrong is told so, whatever an earlier target failed with', async () => {
    const world = createWorld({ a: 'openai-chat', b: 'openai-chat' }, ({ target }) => {
      if (target === 'a') throw new GatewayError('upstream_unavailable', 'busy')
      throw new GatewayError('upstream_invalid_request', 'temperature must be at most 1')
    })
    const { error } = await drive(world.clock, world.run())
    expect(error).toMatchObject({ code: 'upstream_invalid_request' })
  })

  test('fault 28: so is one that was refused for its content', async () => {
    const world = createWorld({ a: 'openai-chat', b: 'openai-chat' }, ({ target }) => {
      if (target === 'a') throw new GatewayError('upstream_unavailable', 'busy')
      throw new GatewayError('content_policy', 'no')
    })
    const { error } = await drive(world.clock, world.run())
    expect(error).toMatchObject({ code: 'content_policy', isClientRetryable: false })
  })
})

const CHUNK = { id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm' }
const data = (value: object) => Buffer.from(`data: ${JSON.stringify({ ...CHUNK, ...value })}\n\n`)
const says = (content: string, index = 0) =>
  data({ choices: [{ index, delta: { content }, finish_reason: null }] })
const stops = (index = 0) => data({ choices: [{ index, delta: {}, finish_reason: 'stop' }] })
const done = Buffer.from('data: [DONE]\n\n')

describe('an answer that is complete', () => {
  const broken = () =>
    sse(
      (async function* () {
        yield says('hello')
        yield stops()
        throw new GatewayError('upstream_truncated', 'reset after the finish reason')
      })(),
    )

  test('B4.8: stays so when the connection breaks before [DONE] (stream)', async () => {
    const world = createWorld({ a: 'openai-chat' }, broken)
    const { value: reply } = await drive(world.clock, world.run({ stream: true }))
    if (!reply || reply.body instanceof Uint8Array) throw new Error('a stream')
    let text = ''
    for await (const chunk of reply.body) text += Buffer.from(chunk).toString()
    expect(text).toContain('[DONE]')
    expect(await reply.settled).toMatchObject({ state: 'completed' })
  })

  test('B4.8: stays so when the connection breaks before [DONE] (fold): not paid for twice', async () => {
    const world = createWorld({ a: 'openai-chat' }, broken)
    const outcome = await drive(world.clock, world.run({ fields: { max_tokens: 8_000 } }))
    expect(world.calls).toHaveLength(1)
    expect(outcome.error).toBeUndefined()
  })
})

describe('two candidates', () => {
  test('a stream that never began the second of two asked for is broken off, not whole (fold)', async () => {
    const world = createWorld({ a: 'openai-chat' }, () =>
      sse(
        (async function* () {
          yield says('first')
          yield stops()
        })(),
      ),
    )
    const { value, error } = await drive(world.clock, world.run({ fields: { n: 2, max_tokens: 8_000 } }))
    const choices = value ? JSON.parse(Buffer.from(value.body as Uint8Array).toString()).choices.length : 0
    expect({ choices, error: (error as GatewayError | undefined)?.code }).not.toMatchObject({ choices: 1 })
  })

  test('a second candidate that begins more than 5 s after the first ended is not cut off', async () => {
    const world = createWorld({ a: 'openai-chat' }, () => {
      const later = (ms: number) => new Promise<void>((resolve) => void world.clock.after(ms, resolve))
      return sse(
        (async function* () {
          yield says('first')
          yield stops()
          await later(6_000)
          yield says('second', 1)
          yield stops(1)
          yield done
        })(),
      )
    })
    const { value } = await drive(world.clock, world.run({ fields: { n: 2, max_tokens: 8_000 } }))
    expect(Buffer.from(value?.body as Uint8Array).toString()).toContain('second')
  })
})

describe('a defect of our own after the commit point', () => {
  test('is said in the stream and ends it', async () => {
    const openai = dialects.get('openai-chat')
    if (!openai) throw new Error('served')
    const client = {
      ...openai,
      id: openai.id,
      createStreamWriter: (options: Parameters<typeof openai.createStreamWriter>[0]) => {
        const writer = openai.createStreamWriter(options)
        let deltas = 0
        return {
          get losses() {
            return writer.losses
          },
          write: (event: Parameters<typeof writer.write>[0]) => {
            if (event.type === 'text-delta' && (deltas += 1) === 2) throw new TypeError('a defect')
            return writer.write(event)
          },
          end: () => writer.end(),
        }
      },
    }
    const named = (value: { readonly type: string }) =>
      Buffer.from(`event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`)
    const delta = (text: string) =>
      named({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } } as never)
    const world = createWorld({ a: 'anthropic-messages' }, () =>
      sse(
        (async function* () {
          yield named({
            type: 'message_start',
            message: { id: 'm', type: 'message', role: 'assistant', model: 'm', content: [], usage: {} },
          } as never)
          yield named({
            type: 'content_block_start',
            index: 0,
            content_block: { type: 'text', text: '' },
          } as never)
          yield delta('one')
          yield delta('two')
        })(),
      ),
    )
    const { value: reply } = await drive(world.clock, world.run({ stream: true, client }))
    if (!reply || reply.body instanceof Uint8Array) throw new Error('a stream')
    let text = ''
    for await (const chunk of reply.body) text += Buffer.from(chunk).toString()
    expect(text).toContain('gateway_error')
    expect(text).not.toContain('[DONE]')
    expect(await reply.settled).toMatchObject({ state: 'truncated', error: { code: 'gateway_error' } })
    expect(world.calls).toHaveLength(1)
    const { error } = await reply.settled
    expect(error?.cause).toBeInstanceOf(TypeError)
  })
})
