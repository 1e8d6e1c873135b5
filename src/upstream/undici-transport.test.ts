import { ADDRCONFIG } from 'node:dns'
import { describe, expect, test } from 'vitest'
import { RESPONSE_HEADERS_BYTES_MAX } from './connection.ts'
import { BLOCKED_ADDRESS, UNEXPECTED_RESPONSE } from './transport-codes.ts'
import { INTERIM_RESPONSES_MAX } from './transport-run.ts'
import type { UndiciTransportOptions } from './undici-transport.ts'
import { chunkedHead, httpAnswer, httpChunk, openRawWall, openWall, until } from './wall.ts'
import { openTransport, requestTo } from './watched-call.ts'

describe('the undici transport', () => {
  test('sends a request as it is and hands the answer over', async () => {
    await using wall = await openWall(({ socket }) =>
      socket.write(httpAnswer(200, '{"a":1}', { 'x-one': 'first' })),
    )
    const { run } = openTransport()
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
    const watched = await openTransport().run(requestTo(wall.origin))
    expect(watched.headers['x-a']).toBe('one')
  })

  test('fault 1: a closed port fails in the connect phase', async () => {
    let origin = ''
    {
      await using wall = await openWall(() => undefined)
      origin = wall.origin
    }
    const watched = await openTransport().run(requestTo(origin))
    expect(watched.failure).toMatchObject({ phase: 'connect', code: 'ECONNREFUSED' })
    expect(watched.events).toEqual(['failure'])
  })

  test('fault 3: a name that does not exist fails in the connect phase', async () => {
    const lookup: UndiciTransportOptions['lookup'] = (hostname, _options, callback) => {
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }), '', 0)
    }
    const watched = await openTransport({ lookup }).run(requestTo('http://nowhere.test'))
    expect(watched.failure).toMatchObject({ phase: 'connect', code: 'ENOTFOUND' })
  })

  test('fault 7: a TLS handshake that stalls is given up after the connect limit', async () => {
    await using wall = await openRawWall(() => undefined)
    const startedAtMs = performance.now()
    const watched = await openTransport().run(
      requestTo(wall.origin.replace('http:', 'https:'), { connectMs: 60 }),
    )
    expect(watched.failure).toMatchObject({ phase: 'connect', code: 'HOLDFAST_CONNECT_TIMEOUT' })
    expect(performance.now() - startedAtMs).toBeLessThan(1_000)
  })

  test('fault 8: a reset before headers fails in the request phase', async () => {
    await using wall = await openWall(({ socket }) => socket.resetAndDestroy())
    const watched = await openTransport().run(requestTo(wall.origin))
    expect(watched.failure).toMatchObject({ phase: 'request', code: 'ECONNRESET' })
    expect(watched.failure?.isStaleConnection).toBeUndefined()
  })

  test('fault 9: a reset while the body is being sent fails in the request phase', async () => {
    await using wall = await openRawWall((socket) => {
      socket.once('data', () => socket.resetAndDestroy())
    })
    const watched = await openTransport().run(requestTo(wall.origin, { body: Buffer.alloc(8_000_000, 'a') }))
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
    const { run } = openTransport()
    for (let turn = 0; turn < 5; turn += 1) {
      const watched = await run(requestTo(wall.origin, { body: Buffer.alloc(8_000_000, 'a') }))
      expect([watched.status, watched.text]).toEqual([413, '{"error":{"message":"too large"}}'])
    }
    // The rest of the unread body must not be taken for the next request.
    expect(wall.sockets).toHaveLength(5)
  })

  test('fault 10: what is left of an unread body is never followed by another request', async () => {
    await using wall = await openRawWall((socket) => {
      socket.once('data', () => {
        socket.pause()
        socket.write(httpAnswer(413, '{}'))
      })
    })
    const { run } = openTransport()
    const big = requestTo(wall.origin, { body: Buffer.alloc(16_000_000, 'a') })
    expect([(await run(big)).status, (await run(big)).status]).toEqual([413, 413])
    expect(wall.sockets).toHaveLength(2)
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
    const watched = await openTransport().run(requestTo(wall.origin))
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
    const watched = await openTransport().run(requestTo(wall.origin))
    expect([watched.status, watched.text]).toEqual([200, '{}'])
    expect(watched.events).toEqual(['send', 'headers', 'end'])
  })

  test('fault 16: endless interim answers are cut', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(INTERIM_RESPONSES_MAX + 1))
    })
    const watched = await openTransport().run(requestTo(wall.origin))
    expect(watched.failure).toMatchObject({ phase: 'request', code: UNEXPECTED_RESPONSE })
    await until(() => wall.sockets[0]?.readableEnded === true || wall.sockets[0]?.destroyed === true)
  })

  test('fault 44: a body shorter than its length fails in the response phase', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.end(httpAnswer(200, '{"a":', { 'content-length': '10' }))
    })
    const watched = await openTransport().run(requestTo(wall.origin))
    expect(watched.failure?.phase).toBe('response')
    expect(watched.events).toEqual(['send', 'headers', 'failure'])
  })

  test('fault 44: a chunked body without its last chunk fails in the response phase', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.end(chunkedHead('application/json') + httpChunk('{"a":1}'))
    })
    const watched = await openTransport().run(requestTo(wall.origin))
    expect(watched.failure?.phase).toBe('response')
  })

  test('fault 44: a body without a length that breaks off with a reset is no clean end', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{"a":')
    })
    const { watched } = openTransport().start(requestTo(wall.origin))
    await until(() => watched.text !== '')
    wall.sockets[0]?.resetAndDestroy()
    await watched.done.promise
    expect(watched.failure).toMatchObject({ phase: 'response', code: 'ECONNRESET' })
  })

  test('pauses its provider and goes on', async () => {
    const total = 20_000_000
    await using wall = await openWall(({ socket }) => {
      socket.write(httpAnswer(200, 'a'.repeat(total)))
    })
    const { watched, call } = openTransport().start(requestTo(wall.origin))
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
    const { watched, call } = openTransport().start(requestTo(wall.origin))
    await until(() => wall.requests.length === 1)
    const abortedAtMs = performance.now()
    call.abort()
    expect((await closed.promise) - abortedAtMs).toBeLessThan(100)
    call.abort()
    expect(watched.ends).toBe(0)
  })

  test.each(['nonsense', 'ftp://127.0.0.1', 'http://'])(
    'an origin like %s is a failure, not an exception',
    async (origin) => {
      const watched = await openTransport().run(requestTo(origin))
      expect(watched.failure?.phase).toBe('connect')
    },
  )

  test('SEC-5: a name that resolves to a metadata address is not connected to', async () => {
    const { createResolver } = await import('./resolver.ts')
    const { systemClock } = await import('../std/clock.ts')
    const lookup = createResolver(systemClock, {
      lookup: (_hostname, _options, callback) => {
        callback(null, [
          { address: '127.0.0.1', family: 4 },
          { address: '169.254.169.254', family: 4 },
        ])
      },
    })
    const watched = await openTransport({ lookup }).run(requestTo('http://rebound.test:1'))
    expect(watched.failure).toMatchObject({ phase: 'connect', code: BLOCKED_ADDRESS })
  })

  test('SEC-3, fault 5: a name is looked up once for a connection, and where it moves to this machine it is not dialled', async () => {
    const { createResolver } = await import('./resolver.ts')
    const { systemClock } = await import('../std/clock.ts')
    await using wall = await openWall(({ socket }) => socket.write(httpAnswer(200, '{}')))
    const { port } = new URL(wall.origin)
    const answers = ['127.0.0.1', '169.254.169.254', '93.184.215.14', '127.0.0.1', '::ffff:127.0.0.1']
    let asked = 0
    const lookup = createResolver(systemClock, {
      lookup: (_hostname, _options, callback) => {
        const address = answers[asked++] ?? ''
        callback(null, [{ address, family: address.includes(':') ? 6 : 4 }])
      },
    })
    const { run } = openTransport({ lookup })
    // What was judged is what is connected to: a second answer would have been the metadata service.
    const first = await run(requestTo(`http://own.test:${port}`))
    expect([first.status, asked]).toEqual([200, 1])
    const second = await run(requestTo(`http://own.test:${port}`, { headers: { connection: 'close' } }))
    expect([second.status, asked]).toEqual([200, 1])
    asked = 2
    // As Node asks on behalf of a socket.
    await new Promise((resolve) => lookup('rebound.test', { all: true, hints: ADDRCONFIG }, resolve))
    const before = wall.sockets.length
    for (const turn of [1, 2]) {
      const moved = await run(requestTo(`http://rebound.test:${port}`))
      expect([turn, moved.failure]).toEqual([
        turn,
        expect.objectContaining({ phase: 'connect', code: BLOCKED_ADDRESS }),
      ])
    }
    expect([asked, wall.sockets.length]).toEqual([5, before])
  })
})
