import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { answering, errorOf, impatientTarget, openAttempts, outcomeOf, textOf } from './sent-to-wall.ts'
import { chunkedHead, httpAnswer, httpChunk, openWall, until } from './wall.ts'

const { send, close } = openAttempts()
afterAll(close)

describe('a good answer', () => {
  test('is handed over as it comes', async () => {
    await using wall = await answering(httpAnswer(200, '{"id":1}', { 'x-request-id': 'r-1' }))
    const response = await send(wall)
    expect([response.status, response.framing, response.headers['x-request-id']]).toEqual([
      200,
      'json',
      'r-1',
    ])
    expect(await textOf(response)).toBe('{"id":1}')
  })

  test('as a stream keeps every byte', async () => {
    const events = ['data: {"a":1}\n\n', ': ping\n\n', 'data: [DONE]\n\n']
    await using wall = await answering(
      chunkedHead('text/event-stream') +
        events.map(httpChunk).join('') +
        httpChunk('').trimEnd() +
        '\r\n\r\n',
    )
    const response = await send(wall, { stream: true })
    expect(response.framing).toBe('stream')
    response.markContent()
    expect(await textOf(response)).toBe(events.join(''))
  })

  test.each([
    ['JSON that claims to be a stream', 'text/event-stream', '[{"error":{"code":429}}]', 'json'],
    ['a stream that claims to be JSON', 'application/json', 'data: {"a":1}\n\ndata: [DONE]\n\n', 'stream'],
    ['JSON that claims to be text', 'text/plain', '{"a":1}', 'json'],
  ])('fault 78: %s is known by its first byte', async (_name, type, body, framing) => {
    await using wall = await answering(httpAnswer(200, body, { 'content-type': type }))
    for (const stream of [true, false]) {
      const response = await send(wall, { stream })
      expect(response.framing).toBe(framing)
      expect(await textOf(response)).toBe(body)
    }
  })

  test('fault 78: a body without a content type is known by its first byte', async () => {
    await using wall = await answering('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}')
    expect(await textOf(await send(wall))).toBe('{}')
  })

  test('fault 45: white space before the answer keeps it alive and is no part of it', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.write(chunkedHead('application/json'))
      for (let turn = 0; turn < 3; turn += 1) socket.write(httpChunk('\n\n  \r\n'))
      setImmediate(() => socket.write(`${httpChunk('{"id":1}')}0\r\n\r\n`))
    })
    expect(JSON.parse(await textOf(await send(wall)))).toEqual({ id: 1 })
  })
})

describe('an answer that breaks', () => {
  test('fault 8: with a reset before headers is upstream_reset', async () => {
    await using wall = await openWall(({ socket }) => socket.resetAndDestroy())
    const error = await errorOf(send(wall))
    expect([error.code, error.facts.isTransparent]).toEqual(['upstream_reset', undefined])
    expect(error.message).toBe('Wall (wall/brick) closed the connection before it answered (ECONNRESET).')
  })

  test('fault 12: with the kept-alive connection is upstream_reset, and free to try again', async () => {
    await using wall = await openWall(({ socket, number }) => {
      if (number === 2) socket.resetAndDestroy()
      else socket.write(httpAnswer(200, '{}'))
    })
    await outcomeOf(send(wall))
    const error = await errorOf(send(wall))
    expect([error.code, error.facts.isTransparent]).toEqual(['upstream_reset', true])
    expect(await outcomeOf(send(wall))).toBe('{}')
  })

  test.each([
    ['a garbage status line', 'NONSENSE\r\n\r\n'],
    ['a megabyte of header', `HTTP/1.1 200 OK\r\nx-big: ${'a'.repeat(1_048_576)}\r\n\r\n`],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'],
    [
      'a length and a transfer encoding',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['an unasked 100', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ])('fault 15: %s is upstream_protocol', async (_name, bytes) => {
    await using wall = await answering(bytes)
    const error = await errorOf(send(wall))
    expect([error.code, error.status]).toEqual(['upstream_protocol', 502])
    expect(error.message).not.toContain('NONSENSE')
  })

  const whole = httpAnswer(200, '{"id":"a","choices":[{"index":0}]}')
  const headEnd = whole.indexOf('\r\n\r\n') + 4

  test.each(['FIN', 'RST'])('fault 43: JSON cut by a %s at every byte is never a clean end', async (how) => {
    for (let cut = 1; cut < whole.length; cut += 1) {
      await using wall = await openWall(({ socket }) => {
        socket.write(whole.subarray(0, cut), () => (how === 'FIN' ? socket.end() : socket.resetAndDestroy()))
      })
      const error = await errorOf(send(wall))
      const codes =
        cut < headEnd ? ['upstream_reset', 'upstream_protocol'] : ['upstream_truncated', 'upstream_reset']
      expect(codes, `cut at byte ${cut}`).toContain(error.code)
    }
  })

  test('fault 44: with the length wrong or the last chunk missing is upstream_truncated', async () => {
    for (const bytes of [
      httpAnswer(200, '{"a":', { 'content-length': '10' }),
      chunkedHead('application/json') + httpChunk('{"a":1}'),
      `${chunkedHead('application/json')}7\r\n{"a":`,
      `${chunkedHead('application/json')}${httpChunk('{"a":1}')}zz\r\n`,
    ]) {
      await using wall = await openWall(({ socket }) => socket.end(bytes))
      const error = await errorOf(send(wall))
      expect([error.code, error.status]).toEqual(['upstream_truncated', 502])
    }
  })

  test('what came of a stream before it broke is still delivered', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.write(chunkedHead('text/event-stream') + httpChunk('data: 1\n\n'), () => socket.end())
    })
    const response = await send(wall, { stream: true })
    const iterator = response.body[Symbol.asyncIterator]()
    const first = await iterator.next()
    expect(Buffer.from(first.value ?? []).toString()).toBe('data: 1\n\n')
    await expect(iterator.next()).rejects.toMatchObject({ code: 'upstream_truncated' })
  })

  test('an empty body is empty_response', async () => {
    for (const bytes of [httpAnswer(200, ''), httpAnswer(200, ' \n ')]) {
      await using wall = await answering(bytes)
      expect((await errorOf(send(wall))).code).toBe('empty_response')
    }
  })

  test('fault 46: an endless body is cut at the cap, and the provider is hung up on', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.write(`${chunkedHead('application/json')}${httpChunk('{')}`)
      const more = () => {
        while (socket.writable && socket.write(httpChunk('a'.repeat(65_536))));
      }
      socket.on('drain', more)
      more()
    })
    const error = await errorOf(send(wall, { bytesMax: 1_000_000 }))
    expect([error.code, error.status]).toEqual(['response_too_large', 502])
    await until(() => wall.sockets[0]?.destroyed === true)
  })

  test('fault 46: an endless lead of white space is cut as well', async () => {
    await using wall = await answering(httpAnswer(200, ' '.repeat(200_000)))
    expect((await errorOf(send(wall, { bytesMax: 100_000 }))).code).toBe('response_too_large')
  })

  test.each([
    'gzip',
    'br',
    'zstd',
    'gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip, gzip',
    'x-nonsense',
  ])(
    'fault 47, SEC-57: an answer in the encoding %s, which nobody asked for, is not unpacked',
    async (encoding) => {
      await using wall = await answering(httpAnswer(200, gzipSync('{}'), { 'content-encoding': encoding }))
      const error = await errorOf(send(wall))
      expect([error.code, error.status]).toEqual(['upstream_bad_response', 502])
    },
  )

  test('the identity encoding is none', async () => {
    await using wall = await answering(httpAnswer(200, '{}', { 'content-encoding': 'identity' }))
    expect(await outcomeOf(send(wall))).toBe('{}')
  })
})

describe('an answer that does not come', () => {
  test.each([
    ['17: headers at a byte at a time', Array.from('HTTP/1.1 200 OK\r\nx-slow: '.repeat(20))],
    [
      '16: interim answers without end',
      Array.from({ length: 500 }, () => 'HTTP/1.1 103 Early Hints\r\n\r\n'),
    ],
  ])('fault %s: is left at the first-token limit', async (_name, pieces) => {
    await using wall = await openWall(({ socket }) => {
      const writing = setInterval(() => {
        const piece = pieces.shift()
        if (piece === undefined || !socket.writable) clearInterval(writing)
        else socket.write(piece)
      }, 2)
    })
    const error = await errorOf(send(wall, { target: impatientTarget(wall, { firstTokenMs: 60 }) }))
    expect([error.code, error.status]).toEqual(['upstream_timeout', 504])
    await until(() => wall.sockets[0]?.readableEnded === true || wall.sockets[0]?.destroyed === true)
  })

  test('fault 141: since all connections are busy, is no_connection_free and says so', async () => {
    const narrow = openAttempts({ connectionsMax: 1 })
    await using wall = await openWall(() => undefined)
    const client = new AbortController()
    const first = outcomeOf(narrow.send(wall, { signal: client.signal }))
    const error = await errorOf(narrow.send(wall, { target: impatientTarget(wall, { connectMs: 20 }) }))
    expect([error.code, error.status]).toEqual(['no_connection_free', 503])
    expect(error.message).toContain('was not asked, since all connections to it are busy')
    client.abort(new GatewayError('client_gone', 'gone'))
    await first
    await narrow.close()
  })
})

describe('leaving', () => {
  const gone = new GatewayError('client_gone', 'The client left.')

  test.each([
    ['106: before the answer begins', ''],
    ['107: in a stream', chunkedHead('text/event-stream') + httpChunk('data: 1\n\n')],
    ['108: in a plain answer', 'HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{'],
    ['106: while a refusal is read', 'HTTP/1.1 500 No\r\ncontent-length: 99\r\n\r\n{'],
  ])(
    'fault %s: the signal’s reason comes back and the provider sees the close within 100 ms',
    async (_name, bytes) => {
      const closed = Promise.withResolvers<number>()
      await using wall = await openWall(({ socket }) => {
        socket.once('end', () => closed.resolve(performance.now()))
        socket.once('error', () => closed.resolve(performance.now()))
        if (bytes) socket.write(bytes)
      })
      const client = new AbortController()
      const outcome = outcomeOf(send(wall, { stream: true, signal: client.signal }))
      await until(() => wall.requests.length === 1)
      await new Promise((resolve) => setTimeout(resolve, 5))
      const leftAtMs = performance.now()
      client.abort(gone)
      expect(await outcome).toBe(gone)
      expect((await closed.promise) - leftAtMs).toBeLessThan(100)
    },
  )

  test('fault 105: a signal that has fired already costs no upstream call', async () => {
    await using wall = await answering(httpAnswer(200, '{}'))
    expect(await outcomeOf(send(wall, { signal: AbortSignal.abort(gone) }))).toBe(gone)
    expect(wall.sockets).toHaveLength(0)
  })

  test('the loop early, or cancelling, closes the provider', async () => {
    for (const how of ['break', 'cancel']) {
      await using wall = await answering(chunkedHead('text/event-stream') + httpChunk('data: 1\n\n'))
      const response = await send(wall, { stream: true })
      if (how === 'cancel') response.cancel()
      for await (const _chunk of response.body) break
      await until(() => wall.sockets[0]?.readableEnded === true || wall.sockets[0]?.destroyed === true)
      expect(await outcomeOf(Promise.resolve(response))).toBe('')
    }
  })
})
