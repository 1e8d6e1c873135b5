import tls, { checkServerIdentity, type ConnectionOptions } from 'node:tls'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { fakeReply } from '../../test/support/fake-gateway.ts'
import { rawChat, startServer, type TestServerOptions } from '../../test/support/http-server.ts'
import { openRawClient } from '../../test/support/raw-client.ts'
import { openSecureClient } from '../../test/support/secure-client.ts'
import { ByteQueue } from '../std/byte-queue.ts'
import { Secret } from '../std/secret.ts'
import { GOOD, KEY, OTHER_HOST } from '../upstream/certificates.test-support.ts'

const pair = (chain: string) => ({ chain, key: new Secret(KEY) })
const start = (options: TestServerOptions = {}) => startServer({ pair: pair(GOOD), ...options })

const whyNot = (port: number, options: ConnectionOptions) =>
  openSecureClient(port, options).then(
    () => 'it was let in',
    (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown'),
  )

/** As Node's flags can: what the gateway says must hold all the same. */
function allowOldTls(): void {
  const { DEFAULT_MIN_VERSION, DEFAULT_CIPHERS } = tls
  tls.DEFAULT_MIN_VERSION = 'TLSv1'
  tls.DEFAULT_CIPHERS = 'DEFAULT@SECLEVEL=0'
  onTestFinished(() => {
    tls.DEFAULT_MIN_VERSION = DEFAULT_MIN_VERSION
    tls.DEFAULT_CIPHERS = DEFAULT_CIPHERS
  })
}

describe('a front with a certificate', () => {
  test('answers over TLS, and says so in its address', async () => {
    const { url, port } = await start()
    expect(url).toBe(`https://127.0.0.1:${port}`)
    const client = await openSecureClient(port, { ca: [GOOD], checkServerIdentity })
    client.send(rawChat())
    expect(await client.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('tells a client where a batch of its own is in the scheme that it was asked in', async () => {
    const { port, gateway } = await start()
    const client = await openSecureClient(port)
    const head = 'host: llm.test:4141\r\nanthropic-version: 2023-06-01\r\nconnection: close\r\n\r\n'
    client.send(`GET /v1/messages/batches HTTP/1.1\r\n${head}`)
    await client.until('\r\n\r\n')
    expect(gateway.exchanges[0]?.asked?.ownAddress).toBe('https://llm.test:4141/v1/messages/batches')
  })

  test('SEC-8: speaks no TLS below 1.2, and nothing but HTTP/1.1 over it', async () => {
    allowOldTls()
    const { port, server } = await start()
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const
    expect(await whyNot(port, old)).toMatch(/PROTOCOL_VERSION/)
    server.renew(pair(OTHER_HOST))
    expect(await whyNot(port, old)).toMatch(/PROTOCOL_VERSION/)
    const client = await openSecureClient(port, { ALPNProtocols: ['h2', 'http/1.1'], maxVersion: 'TLSv1.2' })
    expect([client.socket.getProtocol(), client.socket.alpnProtocol]).toEqual(['TLSv1.2', 'http/1.1'])
  })

  test('closes on who speaks plain HTTP to it, and notes no request', async () => {
    const { port, gateway } = await start()
    const client = await openRawClient(port)
    client.send(rawChat())
    expect((await client.closed()).text).not.toContain('HTTP/1.1')
    expect([gateway.exchanges.length, gateway.refusals.length]).toEqual([0, 0])
  })

  test('closes on who does not come to an agreement in time', async () => {
    const { port, gateway } = await start({ limits: { headersMs: 50 } })
    const client = await openRawClient(port)
    expect((await client.closed()).text).toBe('')
    expect(gateway.refusals).toEqual([])
  })

  test('counts connections of one address before they have agreed on anything', async () => {
    const { port } = await start({ limits: { connectionsPerAddress: 1 } })
    const first = await openRawClient(port)
    expect(await whyNot(port, {})).toBe('ECONNRESET')
    first.socket.destroy()
    // The server hears of it a turn later.
    await vi.waitFor(async () => expect(await openSecureClient(port)).toBeDefined(), { timeout: 5_000 })
  })

  test('does not wait for a handshake that never ends when it comes to rest', async () => {
    const { port, server } = await start({ limits: { headersMs: 600_000 } })
    const silent = await openRawClient(port)
    // The handshake of a later one shows that the first was accepted.
    await openSecureClient(port)
    await server.drain(600_000)
    expect((await silent.closed()).text).toBe('')
  })

  test('fault 143: a newer certificate is shown to who comes from now on, and a stream that runs runs on', async () => {
    const queue = new ByteQueue({ pause: () => {}, resume: () => {}, cancel: () => {} })
    const { port, server } = await start({
      serve: async () => fakeReply({ contentType: 'text/event-stream', body: queue }),
    })
    const encode = (text: string) => new TextEncoder().encode(text)
    const before = await openSecureClient(port)
    before.send(rawChat())
    queue.push(encode('data: 1\n\n'))
    await before.until('data: 1')
    server.renew(pair(OTHER_HOST))
    const after = await openSecureClient(port)
    expect([before.subject, after.subject]).toEqual(['wall', 'other'])
    queue.push(encode('data: 2\n\n'))
    queue.end()
    expect(await before.until('\r\n0\r\n\r\n')).toContain('data: 2')
    // The same connection carries the next request as well.
    before.send('GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n')
    expect(await before.until('HTTP/1.1 404')).toContain('404')
  })
})
