/**
 * Requests that two readers could take for different ones, at both listeners of a process whose environment asks Node for a
 * lenient parser; and text of others that would be a header, or a line of one, where it is put into an answer.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GatewayProcess, startProcess } from '../support/gateway-process.ts'
import { openRawClient } from '../support/raw-client.ts'

const KEY = 'sk-9f8e7d6c5b4a39281706f5e4d3c2b1a0'
const SMUGGLED = 'GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n'

let gateway: GatewayProcess

beforeAll(async () => {
  gateway = await startProcess({
    config: { discover: false, keys: [{ name: 'laptop', key: KEY }] },
    env: { NODE_OPTIONS: '--insecure-http-parser' },
  })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const listeners = ['clients', 'operators'] as const
const portOf = (listener: (typeof listeners)[number]) =>
  listener === 'clients' ? gateway.port : Number(new URL(gateway.adminUrl).port)

/** What stands in the place of a request's further headers. */
const ambiguous = {
  'a length and chunks': 'content-length: 5\r\ntransfer-encoding: chunked\r\n',
  'chunks and a length': 'transfer-encoding: chunked\r\ncontent-length: 5\r\n',
  'two lengths': 'content-length: 5\r\ncontent-length: 6\r\n',
  'two lengths in one': 'content-length: 5, 6\r\n',
  'a length that is none': 'content-length: 0x5\r\n',
  'a length with a sign': 'content-length: +5\r\n',
  'a folded header': 'x-a: b\r\n c\r\ncontent-length: 5\r\n',
  'a bare carriage return': 'x-a: b\rx-c: d\r\ncontent-length: 5\r\n',
  'a zero byte': 'x-a: b\u0000c\r\ncontent-length: 5\r\n',
  'a space before the colon': 'content-length : 5\r\n',
  'an unknown coding': 'transfer-encoding: xchunked\r\n',
  'chunks that are not last': 'transfer-encoding: chunked, identity\r\n',
  'a header without a name': ': x\r\ncontent-length: 5\r\n',
}

describe.each(listeners)('SEC-31: at the listener for %s', (listener) => {
  test.each(Object.entries(ambiguous))(
    '%s is refused, and nothing after it is a request',
    async (_, headers) => {
      const client = await openRawClient(portOf(listener))
      client.send(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${KEY}\r\n${headers}\r\nhello${SMUGGLED}`,
      )
      const { text } = await client.closed()
      expect(text).toMatch(/^HTTP\/1\.1 400 [^]*\r\nconnection: close\r\n/i)
      expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1)
      // SEC-61: a refusal like every other.
      expect(text).toMatch(/\r\nx-content-type-options: nosniff\r\n/i)
      expect(text).toMatch(/\r\ncache-control: no-store\r\n/i)
      expect(text).toMatch(/\r\ncontent-type: application\/json/i)
      const body: unknown = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4))
      expect(body).toHaveProperty('error')
    },
  )

  test.each([
    ['a line feed alone', 'GET /livez HTTP/1.1\nhost: localhost\n\n'],
    ['no HTTP', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a target of two words', 'GET /livez /x HTTP/1.1\r\nhost: localhost\r\n\r\n'],
  ])('%s is refused', async (_, request) => {
    const client = await openRawClient(portOf(listener))
    client.send(request)
    const { text } = await client.closed()
    expect(text).toMatch(/^HTTP\/1\.1 400 [^]*x-content-type-options: nosniff/i)
  })

  test('headers beyond the bound are refused in the same way', async () => {
    const client = await openRawClient(portOf(listener))
    client.send(`GET /livez HTTP/1.1\r\nhost: localhost\r\nx-a: ${'b'.repeat(200_000)}\r\n\r\n`)
    const text = await client.until('"error"')
    expect(text).toMatch(/^HTTP\/1\.1 431 [^]*x-content-type-options: nosniff[^]*connection: close/i)
    client.socket.destroy()
  })

  test.each([
    ['CONNECT', 'CONNECT example.test:443 HTTP/1.1\r\nhost: example.test:443\r\n\r\n'],
    ['TRACE', 'TRACE / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'],
    [
      'an upgrade',
      'GET /v1/realtime HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n' +
        'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n',
    ],
  ])('SEC-36: %s opens nothing', async (_, request) => {
    const client = await openRawClient(portOf(listener))
    client.send(request)
    // Nothing at all is an answer too: the connection is closed.
    const text = await client.until('"error"').catch(() => client.text)
    expect(text).not.toMatch(/^HTTP\/1\.1 (?:101|2)/)
    if (text !== '') expect(text).toMatch(/^HTTP\/1\.1 4\d\d /)
    client.socket.destroy()
  })
})
