import { describe, expect, test } from 'vitest'
import { fakeReply } from '../../test/support/fake-gateway.ts'
import { rawChat, startServer } from '../../test/support/http-server.ts'
import { openRawClient } from '../../test/support/raw-client.ts'
import { GatewayError } from '../errors/gateway-error.ts'

const LONG = 20 * 1024 ** 2

describe('faults 137, 138: a gateway without room', () => {
  test('says so before a byte of the body has come', async () => {
    const { port, gateway } = await startServer({ isFull: () => true })
    const client = await openRawClient(port)
    client.send(rawChat({ headers: `content-length: ${LONG}\r\n`, body: '' }))
    const text = await client.until('\r\n\r\n')
    expect(text).toMatch(/^HTTP\/1\.1 503 /)
    expect(text).toMatch(/retry-after: 2\r\n/i)
    expect(text).toMatch(/retry-after-ms: 1200\r\n/i)
    expect(text).toMatch(/x-should-retry: true\r\n/i)
    expect(text).toMatch(/connection: close\r\n/i)
    expect(gateway.refusals).toMatchObject([{ status: 503, requestBytes: 0 }])
    client.socket.destroy()
  })

  test('does not ask for the body of a client that waits to be asked', async () => {
    const { port } = await startServer({ isFull: () => true })
    const client = await openRawClient(port)
    client.send(rawChat({ headers: `content-length: ${LONG}\r\nexpect: 100-continue\r\n`, body: '' }))
    expect(await client.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 503 /)
    client.socket.destroy()
    expect(client.text).not.toContain('100 Continue')
  })

  test('keeps the connection of a client whose refused body is short', async () => {
    let isFull = true
    const { port } = await startServer({ isFull: () => isFull })
    const client = await openRawClient(port)
    client.send(rawChat())
    expect(await client.until('}')).toMatch(/^HTTP\/1\.1 503 /)
    isFull = false
    client.send(rawChat())
    expect(await client.until('HTTP/1.1 200')).toContain('200')
    client.socket.destroy()
  })

  test('is degraded, which is no reason to send nobody any more', async () => {
    const { url } = await startServer({ isDegraded: () => true, reasons: () => ['It is behind.'] })
    const answer = await fetch(`${url}/readyz`)
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { status: 'degraded', reasons: ['It is behind.'] },
    ])
  })
})

test('what a client says of its priority is heard before its body is read; what makes no sense is normal', async () => {
  const { chat, gateway } = await startServer()
  for (const value of ['low', 'HIGH', 'normal', 'urgent!', ''])
    await chat({ headers: { 'x-holdfast-priority': value } })
  await chat()
  expect(gateway.priorities).toEqual(['low', 'high', 'normal', 'normal', 'normal', 'normal'])
})

describe('a decision trace', () => {
  test('is said in a header that is safe whatever it holds', async () => {
    const explanation = `0ms planned a/m\r\nset-cookie: x=1\u0000 ${'é'.repeat(2_000)}`
    const { chat } = await startServer({ serve: async () => fakeReply({ explanation }) })
    const answer = await chat()
    expect(answer.status).toBe(200)
    const said = answer.headers.get('x-holdfast-explanation') ?? ''
    expect(said).toMatch(/^[\x20-\x7e]{10,1024}$/)
    expect(said).toContain('0ms planned a/m%0D%0A')
    expect(answer.headers.get('set-cookie')).toBeNull()
  })

  test('is said with an error too, and not where nobody asked', async () => {
    const error = (facts: object) => Promise.reject(new GatewayError('upstream_error', 'It failed.', facts))
    const asked = await startServer({ serve: () => error({ explanation: '1ms call a/m; 9ms failed' }) })
    const answer = await asked.chat()
    expect(answer.status).toBe(502)
    expect(answer.headers.get('x-holdfast-explanation')).toBe('1ms call a/m; 9ms failed')
    const silent = await startServer({ serve: () => error({}) })
    expect((await silent.chat()).headers.get('x-holdfast-explanation')).toBeNull()
  })

  test('SEC-19: is told in full to the key that made the request, and is unknown to any other', async () => {
    const { url } = await startServer({
      keys: new Map([
        ['sk-1', 'laptop'],
        ['sk-2', 'phone'],
      ]),
      explain: (requestId, { keyName }) =>
        requestId === 'req_1' && keyName === 'laptop' ? { requestId, steps: ['planned'] } : undefined,
    })
    const read = async (id: string, key?: string) => {
      const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` }
      const answer = await fetch(`${url}/explain/${id}`, { headers })
      return { status: answer.status, body: await answer.text() }
    }
    expect(await read('req_1', 'sk-1')).toEqual({
      status: 200,
      body: '{"requestId":"req_1","steps":["planned"]}',
    })
    const foreign = await read('req_1', 'sk-2')
    const unknown = await read('req_9', 'sk-1')
    expect([foreign.status, unknown.status]).toEqual([404, 404])
    const withoutId = (text: string) => text.replaceAll(/req_[0-9a-f]+/g, '')
    expect(withoutId(foreign.body)).toBe(withoutId(unknown.body))
    expect((await read('req_1')).status).toBe(401)
  })

  test('is not told by a gateway without room, which cannot say whose it is', async () => {
    const { url } = await startServer({ isFull: () => true, explain: () => ({ requestId: 'req_1' }) })
    expect((await fetch(`${url}/explain/req_1`)).status).toBe(503)
  })
})
