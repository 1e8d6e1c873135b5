import {
  constants,
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { CHAT_BODY, rawChat, startServer } from '../../test/support/http-server.ts'
import { openRawClient } from '../../test/support/raw-client.ts'

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes)

/** The size of the refusal itself never matters: a client that is still sending must be able to read it. */
async function readRefusal(port: number, head: string, pour: () => Uint8Array, chunks: number) {
  const client = await openRawClient(port)
  client.send(head)
  for (let sent = 0; sent < chunks && !client.socket.destroyed; sent += 1) {
    if (!client.socket.write(pour()))
      await new Promise((resolve) => client.socket.once('drain', resolve).once('close', resolve))
  }
  return client.closed()
}

describe('fault 92: a body that is no JSON object', () => {
  test.each(['', '{', '{"model":"m"} x', 'null'])('%j is refused without an echo of it', async (body) => {
    const { chat, gateway } = await startServer()
    const answer = await chat({ body })
    expect(answer.status).toBe(400)
    expect(gateway.exchanges).toEqual([])
    expect(gateway.placesTaken).toBe(0)
  })
})

describe('fault 93, SEC-29: a body beyond the cap', () => {
  const limits = { bodyBytes: 100_000, lingerMs: 200 }
  const megabyte = new Uint8Array(1_000_000).fill(32)

  test('is refused by its announced length before a byte of it is read', async () => {
    const { port, gateway } = await startServer({ limits })
    const client = await openRawClient(port)
    client.send(rawChat({ headers: 'content-length: 100001\r\n', body: '' }))
    expect(await client.until('\r\n\r\n{')).toMatch(/^HTTP\/1\.1 413 [^]*connection: close\r\n/i)
    const { reset } = await client.closed()
    expect(reset).toBe(false)
    expect(gateway.refusals).toMatchObject([{ status: 413, requestBytes: 0 }])
  })

  test('is refused in chunks as soon as they pass the cap, and the refusal can be read', async () => {
    const { port, gateway } = await startServer({ limits })
    const chunk = Buffer.concat([Buffer.from('f4240\r\n'), megabyte, Buffer.from('\r\n')])
    const { text: received } = await readRefusal(
      port,
      rawChat({ headers: 'transfer-encoding: chunked\r\n', body: '' }),
      () => chunk,
      4,
    )
    expect(received).toMatch(/^HTTP\/1\.1 413 /)
    expect(received).toContain('body_too_large')
    expect(gateway.exchanges).toEqual([])
    expect(gateway.placesTaken).toBe(0)
  })

  const random = (bytes: number) => {
    const made = new Uint8Array(bytes)
    for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(made.subarray(at, at + 65_536))
    return made
  }

  test.each([
    ['in chunks', '', megabyte],
    ['in gzip, without any ratio', 'content-encoding: gzip\r\n', gzipSync(random(16_000_000))],
    ['in gzip, of zeros', 'content-encoding: gzip\r\n', gzipSync(new Uint8Array(60_000_000))],
    [
      'in brotli, without any ratio',
      'content-encoding: br\r\n',
      brotliCompressSync(random(4_000_000), { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
    ],
    ['in zstd, of zeros', 'content-encoding: zstd\r\n', zstdCompressSync(new Uint8Array(60_000_000))],
  ])('SEC-29: %s, endless, is never held beyond the cap and 64 KiB', async (_how, encoding, bytes) => {
    const slack = 65_536
    // Whoever held more than the cap would be told of the room in memory, which is just as large.
    const { port, gateway } = await startServer({ limits, bytesMax: limits.bodyBytes })
    const head = rawChat({ headers: `${encoding}transfer-encoding: chunked\r\n`, body: '' })
    let at = 0
    const pour = () => {
      const part = bytes.subarray(at % bytes.length, (at % bytes.length) + slack)
      at += part.length
      return Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')])
    }
    const { text: received } = await readRefusal(port, head, pour, 300)
    expect(received).toMatch(/^HTTP\/1\.1 413 /)
    expect(received).toContain('body_too_large')
    const [refusal] = gateway.refusals
    expect(refusal?.requestBytes).toBeLessThanOrEqual(limits.bodyBytes + slack)
    expect(gateway.placesTaken).toBe(0)
  })

  test('cannot hide behind a smaller length: the rest is no request', async () => {
    const { port, gateway } = await startServer({ limits })
    const client = await openRawClient(port)
    client.send(
      rawChat({ headers: `content-length: ${CHAT_BODY.length}\r\n`, body: CHAT_BODY + 'x'.repeat(200) }),
    )
    const { text: received } = await client.closed()
    expect(received).toMatch(/^HTTP\/1\.1 400 [^]*connection: close\r\n/i)
    expect(gateway.exchanges).toEqual([])
    expect(gateway.placesTaken).toBe(0)
  })

  test('costs nothing more than the refusal where the client waits for 100 Continue', async () => {
    const { port } = await startServer({ limits })
    const client = await openRawClient(port)
    client.send(rawChat({ headers: 'expect: 100-continue\r\ncontent-length: 100001\r\n', body: '' }))
    const received = await client.until('body_too_large')
    expect(received).toMatch(/^HTTP\/1\.1 413 /)
    expect(received).not.toContain('100 Continue')
  })

  test('may be exactly as large as the cap', async () => {
    const { chat } = await startServer({ limits: { bodyBytes: CHAT_BODY.length } })
    expect((await chat()).status).toBe(200)
    expect((await chat({ body: `${CHAT_BODY} ` })).status).toBe(413)
  })

  test('is refused when all bodies together are too much', async () => {
    const { chat, gateway } = await startServer({ bytesMax: 10 })
    expect((await chat()).status).toBe(503)
    expect(gateway.placesTaken).toBe(0)
  })
})

test('the body is asked for where the client waits for 100 Continue', async () => {
  const { port } = await startServer()
  const client = await openRawClient(port)
  client.send(
    rawChat({ headers: `expect: 100-continue\r\ncontent-length: ${CHAT_BODY.length}\r\n`, body: '' }),
  )
  await client.until('HTTP/1.1 100 Continue')
  client.send(CHAT_BODY)
  expect(await client.until('{"ok":true}')).toContain('HTTP/1.1 200 OK')
})

test('a small refused body leaves the connection usable', async () => {
  const { port } = await startServer({ keys: new Map([['sk-1', 'laptop']]) })
  const client = await openRawClient(port)
  client.send(rawChat())
  await client.until('unauthenticated')
  client.send(rawChat({ headers: `authorization: Bearer sk-1\r\ncontent-length: ${CHAT_BODY.length}\r\n` }))
  expect(await client.until('{"ok":true}')).toMatch(/HTTP\/1\.1 401 [^]*HTTP\/1\.1 200 /)
})

describe('a compressed body', () => {
  const encoders = {
    gzip: gzipSync,
    'x-gzip': gzipSync,
    deflate: deflateSync,
    br: brotliCompressSync,
    zstd: zstdCompressSync,
  } as const

  test.each(Object.entries(encoders))('in %s is undone', async (encoding, encode) => {
    const { chat, gateway } = await startServer()
    const answer = await chat({ body: encode(CHAT_BODY), headers: { 'content-encoding': encoding } })
    expect(answer.status).toBe(200)
    expect(text(gateway.exchanges[0]?.body)).toBe(CHAT_BODY)
  })

  test('in raw deflate is undone too', async () => {
    const { chat, gateway } = await startServer()
    await chat({ body: deflateRawSync(CHAT_BODY), headers: { 'content-encoding': 'deflate' } })
    expect(text(gateway.exchanges[0]?.body)).toBe(CHAT_BODY)
  })

  test.each(['compress', 'gzip, gzip', 'x'])(
    'fault 97, SEC-57: in %s is refused with 415',
    async (encoding) => {
      const { chat } = await startServer()
      const answer = await chat({
        body: gzipSync(gzipSync(CHAT_BODY)),
        headers: { 'content-encoding': encoding },
      })
      expect(answer.status).toBe(415)
    },
  )

  test.each(Object.entries(encoders))(
    'fault 97, SEC-57: that is a bomb in %s is refused with 413',
    async (encoding, encode) => {
      const { chat, gateway } = await startServer({ limits: { bodyBytes: 50_000_000 } })
      const bomb = encode(Buffer.alloc(8_000_000, 32))
      expect(bomb.length).toBeLessThan(100_000)
      const answer = await chat({ body: bomb, headers: { 'content-encoding': encoding } })
      expect(answer.status).toBe(413)
      expect(gateway.exchanges).toEqual([])
      expect(gateway.placesTaken).toBe(0)
    },
  )

  test('SEC-29: that grows beyond the cap is refused, however modest its ratio', async () => {
    const { chat } = await startServer({ limits: { bodyBytes: 100_000 } })
    const body = gzipSync(`${CHAT_BODY}${' '.repeat(100_000)}`)
    const answer = await chat({ body, headers: { 'content-encoding': 'gzip' } })
    expect(answer.status).toBe(413)
  })

  test.each(['gzip', 'deflate', 'br', 'zstd'])('that is broken %s is refused with 400', async (encoding) => {
    const { chat, gateway } = await startServer()
    const answer = await chat({ body: 'certainly not compressed', headers: { 'content-encoding': encoding } })
    expect(answer.status).toBe(400)
    expect(gateway.placesTaken).toBe(0)
  })

  test('that ends too early is refused with 400', async () => {
    const { chat } = await startServer()
    const whole = gzipSync(CHAT_BODY, { level: constants.Z_BEST_COMPRESSION })
    const answer = await chat({
      body: whole.subarray(0, whole.length - 12),
      headers: { 'content-encoding': 'gzip' },
    })
    expect(answer.status).toBe(400)
  })
})

describe('the content-type', () => {
  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/vnd.api+json',
    'text/plain',
    'application/x-www-form-urlencoded',
    '',
  ])('%j is judged by the body', async (type) => {
    const { port } = await startServer()
    const client = await openRawClient(port)
    const header = type === '' ? '' : `content-type: ${type}\r\n`
    client.send(`POST /v1/messages HTTP/1.1\r\nhost: x\r\n${header}content-length: 13\r\n\r\n{"model":"m"}`)
    expect(await client.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /)
  })

  test.each(['multipart/form-data; boundary=x', 'image/png', 'application/xml', 'text/xml', 'audio/wav'])(
    'SEC-38: %s is refused',
    async (type) => {
      const { chat } = await startServer()
      expect((await chat({ headers: { 'content-type': type } })).status).toBe(415)
    },
  )
})

describe('fault 103: a client that sends as slowly as it can', () => {
  test('is answered 408 when its headers do not come', async () => {
    const { port } = await startServer({ limits: { headersMs: 100, lingerMs: 20 } })
    const client = await openRawClient(port)
    client.send('POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n')
    const { text: received } = await client.closed()
    expect(received).toMatch(/^HTTP\/1\.1 408 /)
    expect(received).toContain('request_timeout')
  })

  test('is answered 408 when its body trickles', async () => {
    const { port, gateway } = await startServer({
      limits: { bodyWindowMs: 80, bodyWindowBytesMin: 1_024, lingerMs: 20 },
    })
    const client = await openRawClient(port)
    client.send(rawChat({ headers: 'content-length: 200000\r\n', body: '' }))
    const trickle = setInterval(() => client.send('x'), 10)
    const { text: received } = await client.closed().finally(() => clearInterval(trickle))
    expect(received).toMatch(/^HTTP\/1\.1 408 /)
    expect(received.toLowerCase()).toContain('x-should-retry: true')
    expect(gateway.placesTaken).toBe(0)
  })

  test('is waited for as long as its body keeps a pace', async () => {
    const { port } = await startServer({ limits: { bodyWindowMs: 60, bodyWindowBytesMin: 10 } })
    const client = await openRawClient(port)
    const body = `${CHAT_BODY}${' '.repeat(400)}`
    client.send(rawChat({ headers: `content-length: ${body.length}\r\n`, body: '' }))
    for (let at = 0; at < body.length; at += 40) {
      client.send(body.slice(at, at + 40))
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(await client.until('{"ok":true}')).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('strange strings', () => {
  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'fault 95: %s as a model name changes nothing',
    async (name) => {
      const before = Object.getOwnPropertyNames(Object.prototype)
      const { chat, gateway } = await startServer()
      const answer = await chat({ body: `{"model":${JSON.stringify(name)},"__proto__":{"polluted":1}}` })
      expect(answer.status).toBe(200)
      expect(gateway.exchanges[0]?.envelope.modelId).toBe(name)
      expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before)
      expect(({} as { polluted?: number }).polluted).toBeUndefined()
    },
  )

  test('fault 96: bytes that are no UTF-8 are given to the dialect as they came', async () => {
    const { chat, gateway } = await startServer()
    const body = Buffer.concat([Buffer.from('{"model":"m'), Buffer.from([0xff, 0xc3]), Buffer.from('"}')])
    await chat({ body })
    expect(Buffer.from(gateway.exchanges[0]?.body ?? [])).toEqual(body)
  })
})
