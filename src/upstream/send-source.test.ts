/** Bodies that are not held in memory, and answers that are no JSON. */

import { afterAll, describe, expect, test } from 'vitest'
import { dialects } from '../dialects/index.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { BodySource } from '../std/transport.ts'
import { createRedactor } from './redact.ts'
import { createSender } from './send.ts'
import { answering, errorOf, openAttempts, outcomeOf } from './sent-to-wall.ts'
import {
  chunkedHead,
  httpAnswer,
  httpChunk,
  ManualClock,
  openWall,
  PlayedTransport,
  until,
  wallTarget,
} from './wall.ts'

const { send, close } = openAttempts()
afterAll(close)

/** Tells how it was read. */
function source(pieces: readonly string[]) {
  const seen = { openings: 0, endings: 0 }
  const body: BodySource = {
    length: pieces.join('').length,
    async *open() {
      seen.openings += 1
      try {
        for (const piece of pieces) yield Buffer.from(piece)
      } finally {
        seen.endings += 1
      }
    },
  }
  return { body, seen }
}

describe('a body that is a source', () => {
  test('is sent with its length and its own content type', async () => {
    await using wall = await answering(httpAnswer(200, '{}'))
    const { body, seen } = source(['--b\r\n', 'x'.repeat(70_000), '\r\n--b--'])
    await outcomeOf(send(wall, { body, contentType: 'multipart/form-data; boundary=b', answers: 'any' }))
    const [request] = wall.requests
    expect(request?.body.length).toBe(body.length)
    expect(request?.head).toMatch(/^content-type: multipart\/form-data; boundary=b\r$/m)
    expect(request?.head).toMatch(/^accept: \*\/\*\r$/m)
    expect(request?.head).not.toMatch(/transfer-encoding/i)
    expect(seen).toEqual({ openings: 1, endings: 1 })
  })

  test('is opened anew for each attempt', async () => {
    await using wall = await answering(httpAnswer(200, '{}'))
    const { body, seen } = source(['abc'])
    await outcomeOf(send(wall, { body }))
    await outcomeOf(send(wall, { body }))
    expect(wall.requests.map((request) => request.body.toString())).toEqual(['abc', 'abc'])
    expect(seen).toEqual({ openings: 2, endings: 2 })
  })

  test('that cannot be read ends the attempt, and the provider is not blamed', async () => {
    await using wall = await answering(httpAnswer(200, '{}'))
    const body: BodySource = {
      length: 10,
      async *open() {
        yield Buffer.from('abc')
        throw new Error('the disk is gone')
      },
    }
    const error = await errorOf(send(wall, { body }))
    expect(error.code).toBe('gateway_error')
    expect(wall.requests).toEqual([])
  })

  test('is left where the attempt ends in the middle of it', async () => {
    await using wall = await openWall(() => undefined)
    const leaving = new AbortController()
    const state = { isLeft: false }
    const body: BodySource = {
      length: 1_000_000_000,
      async *open() {
        try {
          for (;;) yield Buffer.alloc(65_536)
        } finally {
          state.isLeft = true
        }
      },
    }
    const sent = errorOf(send(wall, { body, signal: leaving.signal }))
    await until(() => wall.sockets.length === 1)
    const reason: Pick<GatewayError, 'message'> = new Error('left')
    leaving.abort(reason)
    await expect(sent).rejects.toBe(reason)
    await until(() => state.isLeft)
  })

  test('that is long is not counted against the wait for the answer', async () => {
    const clock = new ManualClock()
    const transport = new PlayedTransport()
    const sender = createSender({ transport, clock, dialects, redactor: createRedactor() })
    const target = wallTarget('http://wall.test')
    const { firstTokenMs } = target.timers
    const asked = { target, method: 'POST', path: '/x', headers: {}, stream: false } as const
    const { body } = source(['a', 'b', 'c'])
    const sent = errorOf(sender.send({ ...asked, body, signal: new AbortController().signal }))
    const { request, handler, isAborted } = transport.last
    if (request.body === undefined || request.body instanceof Uint8Array)
      throw new Error('no source was sent')
    handler.onSend()
    for await (const _piece of request.body.open()) clock.advance(firstTokenMs - 1)
    expect(isAborted).toBe(false)
    clock.advance(2)
    expect((await sent).code).toBe('upstream_timeout')
  })
})

describe('an answer that may be anything', () => {
  test('is passed on byte for byte, white space at its beginning too', async () => {
    await using wall = await answering(
      chunkedHead('audio/mpeg') + httpChunk('\n\n <') + httpChunk('abc') + httpChunk(''),
    )
    expect(await outcomeOf(send(wall, { answers: 'any' }))).toBe('\n\n <abc')
  })

  test('may be empty', async () => {
    await using wall = await answering(httpAnswer(200, '', { 'content-type': 'application/octet-stream' }))
    expect(await outcomeOf(send(wall, { answers: 'any' }))).toBe('')
  })

  test('is no web page', async () => {
    await using wall = await answering(
      httpAnswer(200, '<html>', { 'content-type': 'text/html; charset=utf-8' }),
    )
    expect((await errorOf(send(wall, { answers: 'any' }))).code).toBe('upstream_bad_response')
  })

  test('is not whole where its connection breaks', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.write(chunkedHead('audio/mpeg') + httpChunk('abc'))
      socket.end()
    })
    expect((await errorOf(send(wall, { answers: 'any' }))).code).toBe('upstream_truncated')
  })

  test('is waited for as long as it takes', async () => {
    const clock = new ManualClock()
    const transport = new PlayedTransport()
    const sender = createSender({ transport, clock, dialects, redactor: createRedactor() })
    const target = wallTarget('http://wall.test')
    const firstByteMs = target.timers.firstTokenMs * 3
    const asked = { target, method: 'POST', path: '/x', headers: {}, stream: false, firstByteMs } as const
    const sent = errorOf(sender.send({ ...asked, signal: new AbortController().signal }))
    transport.last.handler.onSend()
    clock.advance(firstByteMs - 1)
    expect(transport.last.isAborted).toBe(false)
    clock.advance(1)
    expect((await sent).code).toBe('upstream_timeout')
  })
})

test('DELETE travels as it is', async () => {
  await using wall = await answering(httpAnswer(200, '{"deleted":true}'))
  const answer = await outcomeOf(send(wall, { method: 'DELETE', path: '/files/file-1' }))
  expect(answer).toBe('{"deleted":true}')
  expect(wall.requests[0]?.head).toMatch(/^DELETE \/v1\/files\/file-1 HTTP\/1\.1/)
})
