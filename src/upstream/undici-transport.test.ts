import { describe, expect, test } from 'vitest'
import type { TransportFailure, TransportRequest } from '../std/transport.ts'
import { RESPONSE_HEADERS_BYTES_MAX } from './connection.ts'
import {
  BLOCKED_ADDRESS,
  NO_CONNECTION_FREE,
  TRANSPORT_CLOSED,
  UNEXPECTED_RESPONSE,
} from './transport-codes.ts'
import { INTERIM_RESPONSES_MAX } from './transport-run.ts'
import { createUndiciTransport, type UndiciTransportOptions } from './undici-transport.ts'
import { chunkedHead, httpAnswer, httpChunk, openRawWall, openWall, until } from './wall.ts'

/** One call, watched: what the handler was told, in order. */
class Watched {
  readonly events: string[] = []
  status = 0
  headers: Readonly<Record<string, string>> = {}
  text = ''
  failure: TransportFailure | undefined
  ends = 0
  readonly done = Promise.withResolvers<void>()

  readonly handler = {
    onSend: () => {
      this.events.push('send')
    },
    onHeaders: (status: number, headers: Readonly<Record<string, string>>) => {
      this.status = status
      this.headers = headers
      this.events.push('headers')
    },
    onData: (chunk: Uint8Array) => {
      this.text += Buffer.from(chunk).toString()
    },
    onEnd: () => {
      this.#end('end')
    },
    onFailure: (failure: TransportFailure) => {
      this.failure = failure
      this.#end('failure')
    },
  }

  #end(event: string): void {
    this.ends += 1
    this.events.push(event)
    this.done.resolve()
  }
}

function requestTo(origin: string, over: Partial<TransportRequest> = {}): TransportRequest {
  return {
    origin,
    path: '/v1/x',
    method: 'POST',
    headers: {},
    body: Buffer.from('{}'),
    connectMs: 2_000,
    ...over,
  }
}

function open(options: UndiciTransportOptions = {}) {
  const transport = createUndiciTransport(options)
  const start = (request: TransportRequest) => {
    const watched = new Watched()
    const call = transport.send(request, watched.handler)
    return { watched, call }
  }
  const run = async (request: TransportRequest) => {
    const { watched } = start(request)
    await watched.done.promise
    return watched
  }
  return { transport, start, run }
}

describe('the undici transport', () => {
  test('sends a request as it is and hands the answer over', async () => {
    await using wall = await openWall(({ socket }) =>
      socket.write(httpAnswer(200, '{"a":1}', { 'x-one': 'first' })),
    )
    const { run } = open()
    const watched = await run(
      requestTo(wall.origin, { headers: { 'x-own': 'value' }, body: Buffer.from('{"b":2}') }),
    )
    expect(watched.events).toEqual(['send', 'headers', 'end'])
    expect([watched.status, watched.headers['x-one'], watched.text]).toEqual([200, 'first', '{"a":1}'])
    expect(wall.requests[0]?.head).toMatch(/^POST \/v1\/x HTTP\/1.1\r\n[^]*x-own: value/)
    expect(wall.requests[0]?.body.toString()).toBe('{"b":2}')
  })

  test('gives the first value of a repeated header', async () => {
    await using wall = await openWall(({ socket }) =>
      socket.write('HTTP/1.1 200 OK\r\nx-a: one\r\nX-A: two\r\ncontent-length: 0\r\n\r\n'),
    )
    const watched = await open().run(requestTo(wall.origin))
    expect(watched.headers['x-a']).toBe('one')
  })

  test('uses one connection again and again', async () => {
    await using wall = await openWall(({ socket }) => socket.write(httpAnswer(200, '{}')))
    const { run } = open()
    for (let turn = 0; turn < 5; turn += 1) await run(requestTo(wall.origin))
    expect(wall.sockets).toHaveLength(1)
    expect(wall.requests).toHaveLength(5)
  })

  test('fault 1: a closed port fails in the connect phase', async () => {
    let origin = ''
    {
      await using wall = await openWall(() => undefined)
      origin = wall.origin
    }
    const watched = await open().run(requestTo(origin))
    expect(watched.failure).toMatchObject({ phase: 'connect', code: 'ECONNREFUSED' })
    expect(watched.events).toEqual(['failure'])
  })

  test('fault 3: a name that does not exist fails in the connect phase', async () => {
    const lookup: UndiciTransportOptions['lookup'] = (hostname, _options, callback) => {
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }), '', 0)
    }
    const watched = await open({ lookup }).run(requestTo('http://nowhere.test'))
    expect(watched.failure).toMatchObject({ phase: 'connect', code: 'ENOTFOUND' })
  })

  test('fault 7: a TLS handshake that stalls is given up after the connect limit', async () => {
    await using wall = await openRawWall(() => undefined)
    const startedAtMs = performance.now()
    const watched = await open().run(requestTo(wall.origin.replace('http:', 'https:'), { connectMs: 60 }))
    expect(watched.failure).toMatchObject({ phase: 'connect', code: 'HOLDFAST_CONNECT_TIMEOUT' })
    expect(performance.now() - startedAtMs).toBeLessThan(1_000)
  })

  test('fault 8: a reset before headers fails in the request phase', async () => {
    await using wall = await openWall(({ socket }) => socket.resetAndDestroy())
    const watched = await open().run(requestTo(wall.origin))
    expect(watched.failure).toMatchObject({ phase: 'request', code: 'ECONNRESET' })
    expect(watched.failure?.isStaleConnection).toBeUndefined()
  })

  test('fault 9: a reset while the body is being sent fails in the request phase', async () => {
    await using wall = await openRawWall((socket) => {
      socket.once('data', () => socket.resetAndDestroy())
    })
    const watched = await open().run(requestTo(wall.origin, { body: Buffer.alloc(8_000_000, 'a') }))
    expect(watched.failure?.phase).toBe('request')
    expect(['ECONNRESET', 'EPIPE']).toContain(watched.failure?.code)
  })

  test('fault 10: an answer that comes while the body is still uploading is read', async () => {
    await using wall = await openRawWall((socket) => {
      socket.once('data', () => {
        socket.end(httpAnswer(413, '{"error":{"message":"too large"}}', { connection: 'close' }))
        socket.pause()
      })
    })
    const { run } = open()
    for (let turn = 0; turn < 5; turn += 1) {
      const watched = await run(requestTo(wall.origin, { body: Buffer.alloc(8_000_000, 'a') }))
      expect([watched.status, watched.text]).toEqual([413, '{"error":{"message":"too large"}}'])
    }
    // The rest of the unread body must not be taken for the next request.
    expect(wall.sockets).toHaveLength(5)
  })

  test('fault 12: a kept-alive connection that dies before the next answer is told apart', async () => {
    await using wall = await openWall(({ socket, number }) => {
      if (number === 2) socket.resetAndDestroy()
      else socket.write(httpAnswer(200, '{}'))
    })
    const { run } = open()
    await run(requestTo(wall.origin))
    const second = await run(requestTo(wall.origin))
    expect(second.failure).toMatchObject({ phase: 'request', isStaleConnection: true })
    const third = await run(requestTo(wall.origin))
    expect(third.status).toBe(200)
    expect(wall.sockets).toHaveLength(2)
  })

  test('fault 12: a kept-alive connection that its server has closed is not used again', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.write(httpAnswer(200, '{}'))
      setImmediate(() => socket.end())
    })
    const { run } = open()
    for (let turn = 0; turn < 20; turn += 1) {
      const watched = await run(requestTo(wall.origin))
      expect(watched.failure ?? watched.status).toBe(200)
      await until(() => wall.sockets.every((socket) => socket.destroyed || socket.readableEnded))
    }
  })

  test('fault 12: a connection that broke inside its answer is not called stale', async () => {
    await using wall = await openWall(({ socket, number }) => {
      if (number === 1) socket.write(httpAnswer(200, '{}'))
      else socket.write('HTTP/1.1 200 OK\r\n', () => socket.resetAndDestroy())
    })
    const { run } = open()
    await run(requestTo(wall.origin))
    const second = await run(requestTo(wall.origin))
    expect(second.failure?.phase).toBe('request')
    expect(second.failure?.isStaleConnection).toBeUndefined()
  })

  test.each([
    ['a garbage status line', 'NONSENSE\r\n\r\n'],
    ['binary noise', '\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'],
    [
      'a length and a transfer encoding',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    ],
    ['a megabyte of header', `HTTP/1.1 200 OK\r\nx-big: ${'a'.repeat(1_048_576)}\r\n\r\n`],
    [
      'many headers',
      `HTTP/1.1 200 OK\r\n${`x-a: ${'b'.repeat(1_000)}\r\n`.repeat(RESPONSE_HEADERS_BYTES_MAX / 1_000 + 1)}\r\n`,
    ],
    ['an unasked 100', 'HTTP/1.1 100 Continue\r\n\r\n'],
    [
      'an unasked switch of protocols',
      'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    ],
  ])('fault 15: %s fails before there is an answer', async (_name, bytes) => {
    await using wall = await openWall(({ socket }) => socket.write(bytes))
    const watched = await open().run(requestTo(wall.origin))
    expect(watched.failure?.phase).toBe('request')
    expect(watched.failure?.code).toMatch(
      /^HPE_|^UND_ERR_(?:HEADERS_OVERFLOW|RES_CONTENT_LENGTH)|^HOLDFAST_UNEXPECTED/,
    )
    expect(watched.events).toEqual(['send', 'failure'])
    // What was received must not travel in the cause.
    expect(JSON.stringify(watched.failure?.cause)).not.toContain('NONSENSE')
  })

  test('fault 16: interim answers are passed over', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'.repeat(3))
      socket.write(`HTTP/1.1 102 Processing\r\n\r\n${httpAnswer(200, '{}').toString()}`)
    })
    const watched = await open().run(requestTo(wall.origin))
    expect([watched.status, watched.text]).toEqual([200, '{}'])
    expect(watched.events).toEqual(['send', 'headers', 'end'])
  })

  test('fault 16: endless interim answers are cut', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(INTERIM_RESPONSES_MAX + 1))
    })
    const watched = await open().run(requestTo(wall.origin))
    expect(watched.failure).toMatchObject({ phase: 'request', code: UNEXPECTED_RESPONSE })
    await until(() => wall.sockets[0]?.readableEnded === true || wall.sockets[0]?.destroyed === true)
  })

  test('fault 44: a body shorter than its length fails in the response phase', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.end(httpAnswer(200, '{"a":', { 'content-length': '10' }))
    })
    const watched = await open().run(requestTo(wall.origin))
    expect(watched.failure?.phase).toBe('response')
    expect(watched.events).toEqual(['send', 'headers', 'failure'])
  })

  test('fault 44: a chunked body without its last chunk fails in the response phase', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.end(chunkedHead('application/json') + httpChunk('{"a":1}'))
    })
    const watched = await open().run(requestTo(wall.origin))
    expect(watched.failure?.phase).toBe('response')
  })

  test('fault 44: a body without a length that breaks off with a reset is no clean end', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{"a":')
    })
    const { watched } = open().start(requestTo(wall.origin))
    await until(() => watched.text !== '')
    wall.sockets[0]?.resetAndDestroy()
    await watched.done.promise
    expect(watched.failure).toMatchObject({ phase: 'response', code: 'ECONNRESET' })
  })

  test('fault 53: an answer nobody asked for is never given to the next request', async () => {
    await using wall = await openWall(({ socket, number }) => {
      const own = httpAnswer(200, JSON.stringify({ number }))
      socket.write(number === 1 ? Buffer.concat([own, httpAnswer(200, '"foreign"')]) : own)
    })
    const { run } = open()
    expect((await run(requestTo(wall.origin))).text).toBe('{"number":1}')
    for (let turn = 0; turn < 3; turn += 1)
      expect((await run(requestTo(wall.origin))).text).toMatch(/^\{"number":\d\}$/)
    expect(wall.sockets.length).toBeGreaterThan(1)
  })

  test('pauses its provider and goes on', async () => {
    const total = 20_000_000
    await using wall = await openWall(({ socket }) => {
      socket.write(httpAnswer(200, 'a'.repeat(total)))
    })
    const { watched, call } = open().start(requestTo(wall.origin))
    await until(() => watched.events.includes('headers'))
    call.pause()
    let settledAt = -1
    for (let turn = 0; turn < 50; turn += 1) {
      settledAt = watched.text.length
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(watched.text.length).toBe(settledAt)
    expect(settledAt).toBeLessThan(total / 2)
    call.resume()
    await watched.done.promise
    expect([watched.text.length, watched.ends]).toEqual([total, 1])
  })

  test.each([
    ['106: while the answer has not begun', () => undefined],
    [
      '107: in the middle of a stream',
      (write: (text: string) => void) => write(chunkedHead('text/event-stream') + httpChunk('data: 1\n\n')),
    ],
    [
      '108: in the middle of a plain answer',
      (write: (text: string) => void) => write('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{'),
    ],
  ])('fault %s, the provider sees an abort within 100 ms', async (_name, answer) => {
    const closed = Promise.withResolvers<number>()
    await using wall = await openWall(({ socket }) => {
      socket.once('end', () => closed.resolve(performance.now()))
      socket.once('error', () => closed.resolve(performance.now()))
      answer((text) => socket.write(text))
    })
    const { watched, call } = open().start(requestTo(wall.origin))
    await until(() => wall.requests.length === 1)
    const abortedAtMs = performance.now()
    call.abort()
    expect((await closed.promise) - abortedAtMs).toBeLessThan(100)
    call.abort()
    expect(watched.ends).toBe(0)
  })

  test('an abort before the connection stands takes the attempt back', async () => {
    await using wall = await openRawWall((socket) => socket.resume())
    const { transport, start } = open()
    const { watched, call } = start(requestTo(wall.origin.replace('http:', 'https:')))
    await until(() => wall.sockets.length === 1)
    call.abort()
    await until(() => wall.sockets[0]?.readableEnded === true || wall.sockets[0]?.destroyed === true)
    expect(watched.events).toEqual([])
    await transport.close()
  })

  test('fault 141: a full pool queues, in order, within the connect limit', async () => {
    const held: (() => void)[] = []
    await using wall = await openWall(({ socket, number }) => {
      const answer = () => socket.write(httpAnswer(200, String(number)))
      if (number === 1) held.push(answer)
      else answer()
    })
    const { start } = open({ connectionsMax: 1 })
    const first = start(requestTo(wall.origin))
    const late = start(requestTo(wall.origin, { connectMs: 30 }))
    const second = start(requestTo(wall.origin))
    const aborted = start(requestTo(wall.origin))
    const third = start(requestTo(wall.origin))
    aborted.call.abort()
    await late.watched.done.promise
    expect(late.watched.failure).toMatchObject({ phase: 'connect', code: NO_CONNECTION_FREE })
    for (const answer of held) answer()
    await Promise.all([first, second, third].map(({ watched }) => watched.done.promise))
    expect([first, second, third].map(({ watched }) => watched.text)).toEqual(['1', '2', '3'])
    expect(aborted.watched.events).toEqual([])
    expect(wall.sockets).toHaveLength(1)
  })

  test('fault 141: the queue itself is bounded', async () => {
    await using wall = await openWall(() => undefined)
    const { start } = open({ connectionsMax: 1, waitingMax: 1 })
    const calls = [1, 2, 3].map(() => start(requestTo(wall.origin)))
    expect(calls[2]?.watched.failure).toMatchObject({ phase: 'connect', code: NO_CONNECTION_FREE })
    for (const { call } of calls) call.abort()
  })

  test('a connection that fails makes room for who waits', async () => {
    await using wall = await openWall(({ socket, number }) => {
      if (number === 1) socket.resetAndDestroy()
      else socket.write(httpAnswer(200, '{}'))
    })
    const { start } = open({ connectionsMax: 1 })
    const first = start(requestTo(wall.origin))
    const second = start(requestTo(wall.origin))
    await Promise.all([first.watched.done.promise, second.watched.done.promise])
    expect(first.watched.failure?.phase).toBe('request')
    expect(second.watched.status).toBe(200)
  })

  test('closing lets running calls end and takes no new ones', async () => {
    const held: (() => void)[] = []
    await using wall = await openWall(({ socket }) => {
      held.push(() => socket.write(httpAnswer(200, '{}')))
    })
    const { transport, start, run } = open()
    const running = start(requestTo(wall.origin))
    await until(() => held.length === 1)
    let isClosed = false
    const closing = transport.close().then(() => {
      isClosed = true
    })
    expect((await run(requestTo(wall.origin))).failure?.code).toBe(TRANSPORT_CLOSED)
    expect(isClosed).toBe(false)
    held[0]?.()
    await running.watched.done.promise
    await closing
    expect(running.watched.status).toBe(200)
  })

  test.each(['nonsense', 'ftp://127.0.0.1', 'http://'])(
    'an origin like %s is a failure, not an exception',
    async (origin) => {
      const watched = await open().run(requestTo(origin))
      expect(watched.failure?.phase).toBe('connect')
    },
  )

  test('SEC-5: a name that resolves to a metadata address is not connected to', async () => {
    const { createResolver } = await import('./resolver.ts')
    const { systemClock } = await import('../std/clock.ts')
    const lookup = createResolver(systemClock, (_hostname, _options, callback) => {
      callback(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '169.254.169.254', family: 4 },
      ])
    })
    const watched = await open({ lookup }).run(requestTo('http://rebound.test:1'))
    expect(watched.failure).toMatchObject({ phase: 'connect', code: BLOCKED_ADDRESS })
  })
})
