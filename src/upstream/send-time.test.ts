import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { dialects } from '../dialects/index.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { QUEUE_HIGH_WATER_BYTES } from '../std/byte-queue.ts'
import type { UpstreamResponse } from './attempt.ts'
import { createRedactor } from './redact.ts'
import { createSender } from './send.ts'
import { ManualClock, PlayedTransport, wallTarget } from './wall.ts'
import { BODY_RATE_BYTES_MIN, BODY_RATE_WINDOW_MS, REFUSAL_BODY_MS } from './watch.ts'

/** An attempt under a clock that stands still, towards a provider played by hand. */
function open({ stream = true } = {}) {
  const clock = new ManualClock()
  const transport = new PlayedTransport()
  const client = new AbortController()
  const sender = createSender({ transport, clock, dialects, redactor: createRedactor() })
  const target = wallTarget('http://wall.test')
  let outcome: UpstreamResponse | GatewayError | undefined
  void sender
    .send({
      target,
      method: 'POST',
      path: '/x',
      headers: {},
      body: Buffer.from('{}'),
      stream,
      signal: client.signal,
    })
    .then(
      (response) => {
        outcome = response
      },
      (error: unknown) => {
        outcome = error instanceof GatewayError ? error : new GatewayError('gateway_error', String(error))
      },
    )
  const { handler } = transport.last
  return {
    clock,
    client,
    call: transport.last,
    handler,
    timers: target.timers,
    data: (text: string) => handler.onData(Buffer.from(text)),
    begin: (type: string) => {
      handler.onSend()
      handler.onHeaders(200, { 'content-type': type })
    },
    /** The code the attempt failed with, `answered`, or `pending`. */
    settled: async () => {
      await Promise.resolve()
      await Promise.resolve()
      if (outcome === undefined) return 'pending'
      return outcome instanceof GatewayError ? outcome.code : 'answered'
    },
    response: async () => {
      await Promise.resolve()
      if (outcome === undefined || outcome instanceof GatewayError) throw new Error('no answer')
      return outcome
    },
    message: () => (outcome instanceof GatewayError ? outcome.message : ''),
  }
}

/** The code that ends the body, or `whole`. */
async function endOf(response: UpstreamResponse): Promise<string> {
  try {
    for await (const _chunk of response.body);
    return 'whole'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}

describe('the connect limit', () => {
  test('fault 2: a black hole is left after exactly the connect limit', async () => {
    const { clock, timers, settled, call, message } = open()
    clock.advance(timers.connectMs - 1)
    expect(await settled()).toBe('pending')
    clock.advance(1)
    expect(await settled()).toBe('upstream_unreachable')
    expect(call.isAborted).toBe(true)
    expect(message()).toContain('Wall (wall/brick) could not be connected to in time')
  })

  test('ends when the request has a connection', async () => {
    const { clock, timers, handler, settled } = open()
    clock.advance(timers.connectMs - 1)
    handler.onSend()
    clock.advance(timers.connectMs)
    expect(await settled()).toBe('pending')
  })
})

describe('fault 141: a request that waited for a connection to be free', () => {
  test('has the whole connect limit from then on: what it waited is not held against the provider', async () => {
    const { clock, timers, handler, settled } = open()
    clock.advance(timers.connectMs * 0.9)
    handler.onPlace?.()
    clock.advance(timers.connectMs - 1)
    expect(await settled()).toBe('pending')
    clock.advance(1)
    expect(await settled()).toBe('upstream_unreachable')
  })

  test('and the whole limit of the first token', async () => {
    const { clock, timers, handler, settled } = open()
    clock.advance(timers.connectMs - 1)
    handler.onPlace?.()
    handler.onSend()
    clock.advance(timers.firstTokenMs - 1)
    expect(await settled()).toBe('pending')
    clock.advance(1)
    expect(await settled()).toBe('upstream_timeout')
  })
})

describe('the first-token limit', () => {
  test('fault 11: silence after the request ends at the limit, counted from the start', async () => {
    const { clock, timers, handler, settled, call, message } = open()
    clock.advance(1_000)
    handler.onSend()
    clock.advance(timers.firstTokenMs - 1_001)
    expect(await settled()).toBe('pending')
    clock.advance(1)
    expect(await settled()).toBe('upstream_timeout')
    expect(call.isAborted).toBe(true)
    expect(message()).toContain('no content within 60 s')
  })

  test('faults 54, 55: headers, pings and other bytes do not stop it', async () => {
    const { clock, timers, begin, data, response } = open()
    begin('text/event-stream')
    data(': ping\n\n')
    const end = endOf(await response())
    const steps = Math.floor(timers.firstTokenMs / 5_000)
    for (let step = 1; step < steps; step += 1) {
      clock.advance(5_000)
      data(': ping\n\n')
    }
    clock.advance(4_999)
    let hasEnded = false
    void end.then(() => {
      hasEnded = true
    })
    await Promise.resolve()
    expect(hasEnded).toBe(false)
    clock.advance(1)
    expect(await end).toBe('upstream_timeout')
  })

  test('holds for a plain answer until its first byte, white space not counted (fault 45)', async () => {
    const { clock, timers, begin, data, settled } = open({ stream: false })
    begin('application/json')
    for (let left = timers.firstTokenMs; left > 10_000; left -= 10_000) {
      clock.advance(10_000)
      data('\n\n')
    }
    expect(await settled()).toBe('pending')
    clock.advance(10_000)
    expect(await settled()).toBe('upstream_timeout')
  })
})

describe('the idle limit', () => {
  test('begins with content, starts anew with every byte, and ends in upstream_timeout', async () => {
    const { clock, timers, begin, data, response, call } = open()
    begin('text/event-stream')
    data('data: 1\n\n')
    const answer = await response()
    answer.markContent()
    const end = endOf(answer)
    for (let step = 0; step < 10; step += 1) {
      clock.advance(timers.idleMs - 1)
      data('data: 1\n\n')
    }
    clock.advance(timers.idleMs - 1)
    expect(call.isAborted).toBe(false)
    clock.advance(1)
    expect(await end).toBe('upstream_timeout')
    expect(call.isAborted).toBe(true)
  })

  test('is shorter than what was left of the first-token limit, and rules at once', async () => {
    const { clock, timers, begin, data, response } = open()
    begin('text/event-stream')
    data('data: 1\n\n')
    const answer = await response()
    answer.markContent()
    clock.advance(timers.idleMs)
    expect(await endOf(answer)).toBe('upstream_timeout')
  })

  test('does not count the time in which nobody read (fault 81)', async () => {
    const { clock, timers, begin, data, response, call, handler } = open()
    begin('text/event-stream')
    data('data: 1\n\n')
    const answer = await response()
    answer.markContent()
    handler.onData(Buffer.alloc(QUEUE_HIGH_WATER_BYTES))
    expect(call.isPaused).toBe(true)
    clock.advance(timers.idleMs * 3)
    expect(call.isAborted).toBe(false)
    const iterator = answer.body[Symbol.asyncIterator]()
    await iterator.next()
    expect(call.isPaused).toBe(false)
    clock.advance(timers.idleMs - 1)
    expect(call.isAborted).toBe(false)
    clock.advance(1)
    await expect(iterator.next()).rejects.toMatchObject({ code: 'upstream_timeout' })
  })

  test('watches the bytes of a plain answer once it has begun', async () => {
    const { clock, timers, begin, response, handler } = open({ stream: false })
    begin('application/json')
    handler.onData(Buffer.from(`{"a":"${'a'.repeat(BODY_RATE_BYTES_MIN * 4)}`))
    const end = endOf(await response())
    clock.advance(timers.idleMs)
    expect(await end).toBe('upstream_timeout')
  })
})

describe('the rate floor of a plain answer', () => {
  test('fault 51: one byte every ten seconds is given up', async () => {
    const { clock, begin, data, response, call } = open({ stream: false })
    begin('application/json')
    data('{')
    const end = endOf(await response())
    for (let waitedMs = 0; waitedMs < BODY_RATE_WINDOW_MS; waitedMs += 10_000) {
      expect(call.isAborted).toBe(false)
      clock.advance(10_000)
      data(' ')
    }
    expect(await end).toBe('upstream_timeout')
    expect(call.isAborted).toBe(true)
  })

  test('leaves an answer alone that comes slowly but fast enough', async () => {
    const { clock, begin, data, response, handler } = open({ stream: false })
    begin('application/json')
    data('{')
    const end = endOf(await response())
    for (let step = 0; step < 20; step += 1) {
      clock.advance(BODY_RATE_WINDOW_MS / 2)
      data('a'.repeat(BODY_RATE_BYTES_MIN))
    }
    handler.onEnd()
    expect(await end).toBe('whole')
  })
})

describe('a refusal', () => {
  test('is waited for only shortly, then its status has to do', async () => {
    const { clock, handler, settled } = open()
    handler.onSend()
    handler.onHeaders(503, {})
    handler.onData(Buffer.from('{"err'))
    clock.advance(REFUSAL_BODY_MS - 1)
    expect(await settled()).toBe('pending')
    clock.advance(1)
    expect(await settled()).toBe('upstream_unavailable')
  })
})

describe('timers', () => {
  test('are one at a time, and none when the attempt is over', async () => {
    const { clock, begin, data, response, handler, timers } = open()
    expect(clock.pendingTimers).toBe(1)
    begin('text/event-stream')
    data('data: 1\n\n')
    const answer = await response()
    answer.markContent()
    for (let step = 0; step < 100; step += 1) {
      clock.advance(timers.idleMs / 2)
      data('data: 1\n\n')
      expect(clock.pendingTimers).toBe(1)
    }
    handler.onEnd()
    expect(clock.pendingTimers).toBe(0)
    expect(await endOf(answer)).toBe('whole')
  })

  test.each(['abort', 'cancel', 'failure', 'refusal', 'redirect'])('are gone after: %s', async (how) => {
    const { clock, client, begin, data, handler, response, settled } = open()
    if (how === 'refusal' || how === 'redirect') {
      handler.onSend()
      handler.onHeaders(how === 'refusal' ? 500 : 302, {})
      handler.onEnd()
      expect(await settled()).not.toBe('pending')
    } else {
      begin('text/event-stream')
      data('data: 1\n\n')
      const answer = await response()
      if (how === 'abort') client.abort(new GatewayError('client_gone', 'gone'))
      else if (how === 'cancel') answer.cancel()
      else handler.onFailure({ phase: 'response', code: 'ECONNRESET' })
      expect(await endOf(answer)).not.toBe('pending')
    }
    expect(clock.pendingTimers).toBe(0)
    expect(getEventListeners(client.signal, 'abort')).toHaveLength(0)
  })
})

describe('a transport that misbehaves', () => {
  test('cannot settle an attempt twice', async () => {
    const { begin, call, data, handler, response, settled } = open()
    begin('text/event-stream')
    data('data: 1\n\n')
    const answer = await response()
    handler.onEnd()
    handler.onFailure({ phase: 'response', code: 'ECONNRESET' })
    handler.onEnd()
    data('late')
    handler.onHeaders(500, {})
    expect(call.isAborted).toBe(false)
    expect(await endOf(answer)).toBe('whole')
    expect(await settled()).toBe('answered')
  })
})
