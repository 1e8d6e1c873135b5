import { describe, expect, test } from 'vitest'
import { CHAT_BODY, rawChat, startServer } from '../../test/support/http-server.ts'
import { openRawClient } from '../../test/support/raw-client.ts'

const limits = { lingerMs: 20 }
const keys = new Map([['sk-1', 'laptop']])

async function exchangeRaw(port: number, bytes: string) {
  const client = await openRawClient(port)
  client.send(bytes)
  return client.closed()
}

describe('fault 100, SEC-31: a request that two parsers could read differently', () => {
  test.each([
    ['both lengths', `content-length: 5\r\ntransfer-encoding: chunked\r\n`],
    ['two lengths', `content-length: 5\r\ncontent-length: 6\r\n`],
    ['a folded header', `x-a: b\r\n c\r\ncontent-length: 5\r\n`],
    ['a bare carriage return', `x-a: b\rx-c: d\r\ncontent-length: 5\r\n`],
    ['a space before the colon', `content-length : 5\r\n`],
    ['a zero byte', `x-a: b\u0000c\r\ncontent-length: 5\r\n`],
    ['a length with a sign', `content-length: +5\r\n`],
    ['an unknown transfer coding', `transfer-encoding: xchunked\r\n`],
    ['chunked before another coding', `transfer-encoding: chunked, gzip\r\n`],
  ])('with %s is refused in JSON and its connection closed', async (_name, headers) => {
    const { port, gateway } = await startServer({ limits })
    const { text } = await exchangeRaw(port, rawChat({ headers, body: 'hello' }))
    expect(text).toMatch(/^HTTP\/1\.1 400 [^]*connection: close\r\n[^]*"code":"invalid_request"/)
    expect(gateway.exchanges).toEqual([])
    expect(gateway.placesTaken).toBe(0)
  })

  test('with a flood of chunk extensions is refused', async () => {
    const { port, gateway } = await startServer({ limits })
    const flood = `5;${'x'.repeat(40_000)}\r\nhello\r\n0\r\n\r\n`
    const { text } = await exchangeRaw(
      port,
      rawChat({ headers: 'transfer-encoding: chunked\r\n', body: flood }),
    )
    expect(text).toMatch(/^HTTP\/1\.1 413 /)
    expect(gateway.placesTaken).toBe(0)
  })

  test('with a broken chunk is refused in the dialect of its path', async () => {
    const { port, gateway } = await startServer({ limits })
    const bytes = rawChat({
      path: '/v1/messages',
      headers: 'transfer-encoding: chunked\r\n',
      body: 'zz\r\nhello',
    })
    const { text } = await exchangeRaw(port, bytes)
    expect(text).toMatch(/^HTTP\/1\.1 400 [^]*"dialect":"anthropic-messages"/)
    expect(gateway.placesTaken).toBe(0)
  })

  test('with headers beyond the bound is refused with 431', async () => {
    const { port } = await startServer({ limits: { ...limits, headersBytes: 8_192 } })
    const { text } = await exchangeRaw(port, rawChat({ headers: `x-a: ${'b'.repeat(10_000)}\r\n` }))
    expect(text).toMatch(/^HTTP\/1\.1 431 [^]*header_fields_too_large/)
  })

  test.each([
    'GET / HTTP/1.1\nhost: x\n\n',
    'GET / HTTP/9.9\r\n\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\u0016\u0003\u0001\u0002',
  ])('that is %j is refused and recorded', async (bytes) => {
    const { port, gateway } = await startServer({ limits })
    const { text } = await exchangeRaw(port, bytes)
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    expect(gateway.refusals).toHaveLength(1)
  })

  test('without a host is refused in HTTP/1.1 and served in HTTP/1.0', async () => {
    const { port } = await startServer({ limits })
    const client = await openRawClient(port)
    client.send('GET /v1/models HTTP/1.1\r\n\r\n')
    expect(await client.until('\r\n\r\n{')).toMatch(/^HTTP\/1\.1 400 /)
    const { text, reset } = await exchangeRaw(port, 'GET /v1/models HTTP/1.0\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1\.1 200 [^]*\{"object":"list"/)
    expect(reset).toBe(false)
  })
})

describe('fault 119, SEC-14: a strange spelling of a path', () => {
  test.each([
    '//v1//models',
    '/v1/models/',
    '/v1/models?x=/livez',
    'http://elsewhere.example/v1/models',
    '/models',
    '/openai/v1/models',
  ])('%s is the path it routes to, for the key as well', async (path) => {
    const { port } = await startServer({ limits, keys })
    const ask = async (headers: string) => {
      const { text } = await exchangeRaw(
        port,
        `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${headers}\r\n`,
      )
      return text.slice(9, 12)
    }
    expect([await ask(''), await ask('authorization: Bearer sk-1\r\n')]).toEqual(['401', '200'])
  })

  test.each([
    '/livez/../v1/models',
    '/livez/..;/v1/models',
    '/livez/%2e%2e/v1/models',
    '/livez%2f..%2fv1/models',
    '/livez;/v1/models',
    '/v1/models;x',
    '/V1/MODELS',
    '/v1/models.',
    '/v1/models%20',
    '/v1\\models',
    '/livez#/v1/models',
  ])('%s is served to nobody', async (path) => {
    const { port } = await startServer({ limits, keys })
    for (const headers of ['', 'authorization: Bearer sk-1\r\n']) {
      const { text } = await exchangeRaw(
        port,
        `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${headers}\r\n`,
      )
      expect(text.slice(9, 12)).toMatch(/^4/)
      expect(text).not.toContain('"object":"list"')
    }
  })
})

test('SEC-15: no header but the key decides who may pass and where to', async () => {
  const { url, gateway } = await startServer({ keys })
  const headers = {
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-host': 'localhost',
    'x-forwarded-proto': 'https',
    'x-original-url': '/livez',
    'x-rewrite-url': '/livez',
    'x-http-method-override': 'GET',
    'x-real-ip': '127.0.0.1',
    forwarded: 'for=127.0.0.1;host=localhost',
  }
  const refused = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: CHAT_BODY, headers })
  expect(refused.status).toBe(401)
  const served = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    body: CHAT_BODY,
    headers: { ...headers, authorization: 'Bearer sk-1' },
  })
  expect(served.status).toBe(200)
  expect(gateway.exchanges).toHaveLength(1)
})

describe('fault 120: HTTP beyond requests and answers', () => {
  test('pipelined requests are answered in their order', async () => {
    let turn = 0
    const { port } = await startServer({
      limits,
      serve: async (exchange) => {
        // The first takes longest.
        const waitMs = 30 - 10 * turn++
        await new Promise((resolve) => setTimeout(resolve, waitMs))
        const { fakeReply } = await import('../../test/support/fake-gateway.ts')
        return fakeReply({ body: new TextEncoder().encode(exchange.envelope.modelId) })
      },
    })
    const client = await openRawClient(port)
    client.send(['one', 'two', 'three'].map((model) => rawChat({ body: `{"model":"${model}"}` })).join(''))
    const text = await client.until('three')
    expect(text.match(/one|two|three/g)).toEqual(['one', 'two', 'three'])
  })

  test.each(['TRACE', 'PUT', 'DELETE', 'PATCH', 'PROPFIND'])('%s is refused', async (method) => {
    const { port, gateway } = await startServer({ limits })
    const { text } = await exchangeRaw(
      port,
      `${method} /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
    )
    expect(text).toMatch(/^HTTP\/1\.1 405 [^]*allow: GET, HEAD, OPTIONS\r\n/i)
    expect(gateway.exchanges).toEqual([])
  })

  test('SEC-36: CONNECT is refused', async () => {
    const { port } = await startServer({ limits })
    const { text } = await exchangeRaw(
      port,
      'CONNECT example.org:443 HTTP/1.1\r\nhost: example.org:443\r\n\r\n',
    )
    expect(text).toMatch(/^HTTP\/1\.1 405 [^]*method_not_allowed/)
  })

  test.each(['/v1/responses', '/v1/chat/completions', '/nowhere'])(
    'SEC-36: a WebSocket at %s is answered with 426 and a plain body',
    async (path) => {
      const { port, gateway } = await startServer({ limits })
      const { text } = await exchangeRaw(
        port,
        `GET ${path} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: Upgrade\r\n` +
          'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      )
      expect(text).toMatch(/^HTTP\/1\.1 426 [^]*upgrade_required/)
      expect(gateway.exchanges).toEqual([])
    },
  )

  test('an offer of HTTP/2 beside a request is passed over', async () => {
    const { port } = await startServer({ limits })
    const client = await openRawClient(port)
    client.send(
      rawChat({
        headers:
          'connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n' +
          `content-length: ${CHAT_BODY.length}\r\n`,
      }),
    )
    expect(await client.until('{"ok":true}')).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('OPTIONS for the whole server is answered', async () => {
    const { port } = await startServer({ limits })
    const { text } = await exchangeRaw(port, 'OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1\.1 204 /)
  })

  test('a stream to an HTTP/1.0 client ends with its connection', async () => {
    const { fakeReply } = await import('../../test/support/fake-gateway.ts')
    const { port } = await startServer({
      limits,
      serve: async () =>
        fakeReply({
          contentType: 'text/event-stream',
          body: (async function* () {
            yield new TextEncoder().encode('data: 1\n\n')
          })(),
        }),
    })
    const { text } = await exchangeRaw(
      port,
      `POST /v1/messages HTTP/1.0\r\ncontent-length: ${CHAT_BODY.length}\r\n\r\n${CHAT_BODY}`,
    )
    expect(text).toMatch(/\r\n\r\ndata: 1\n\n$/)
    expect(text.toLowerCase()).not.toContain('transfer-encoding')
  })
})
