import { describe, expect, test } from 'vitest'
import { fakeReply } from '../../test/support/fake-gateway.ts'
import { CHAT_BODY, rawChat, startServer } from '../../test/support/http-server.ts'
import { openRawClient } from '../../test/support/raw-client.ts'
import { dialects } from '../dialects/index.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { ByteQueue } from '../std/byte-queue.ts'

const MESSAGES_BODY = '{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}'
const keys = new Map([['sk-1', 'laptop']])

describe('the real dialects at the door', () => {
  test('word a missing key as their SDKs know it', async () => {
    const { chat } = await startServer({ dialects, keys })
    const openai = await chat()
    expect(await openai.json()).toMatchObject({
      error: { code: expect.any(String), message: expect.any(String) },
    })
    const anthropic = await chat({ body: MESSAGES_BODY }, '/v1/messages')
    expect(await anthropic.json()).toMatchObject({
      type: 'error',
      error: { type: 'authentication_error' },
      request_id: anthropic.headers.get('request-id'),
    })
    for (const answer of [openai, anthropic]) expect(answer.headers.get('x-should-retry')).toBe('false')
  })

  test.each([
    ['/v1/chat/completions', CHAT_BODY],
    ['/v1/messages', MESSAGES_BODY],
    ['/v1/messages/count_tokens', MESSAGES_BODY],
  ])('let a plain request at %s through', async (path, body) => {
    const { chat, gateway } = await startServer({ dialects })
    expect((await chat({ body }, path)).status).toBe(200)
    expect(gateway.exchanges[0]?.envelope.bodyBytes).toBe(body.length)
  })

  test.each([
    ['malformed', '{"model":"secret-name",}'],
    ['empty', ''],
    ['followed by more', `${CHAT_BODY}{}`],
    ['with a key twice', '{"model":"a","model":"secret-name","messages":[]}'],
    ['NaN', '{"model":"a","temperature":NaN}'],
    ['no object', '[]'],
  ])('fault 92: refuse a body that is %s, with the position and without an echo', async (_name, body) => {
    const { chat, gateway } = await startServer({ dialects })
    for (const path of ['/v1/chat/completions', '/v1/messages']) {
      const answer = await chat({ body }, path)
      expect(answer.status).toBe(400)
      expect(await answer.text()).not.toContain('secret-name')
    }
    expect(gateway.refusals.map(({ error }) => error.code)).toEqual(['invalid_json', 'invalid_json'])
    expect(gateway.exchanges).toEqual([])
  })

  test.each([
    ['depth', `{"model":"m","messages":${'['.repeat(100_000)}`],
    ['elements', `{"model":"m","messages":[${'1,'.repeat(3_000_000)}1]}`],
    ['keys', `{"model":"m",${Array.from({ length: 300_000 }, (_each, at) => `"k${at}":1`).join(',')}}`],
  ])('fault 94: refuse a hostile %s before it costs anything', async (_name, body) => {
    const { chat, gateway } = await startServer({ dialects })
    const answer = await chat({ body })
    expect(answer.status).toBe(400)
    expect(gateway.exchanges).toEqual([])
    expect(gateway.placesTaken).toBe(0)
  })

  test.each([
    ['/v1/chat/completions', CHAT_BODY, /data: \{.*"error".*\n\n/],
    ['/v1/messages', MESSAGES_BODY, /event: error\ndata: .*\n\n/],
  ])(
    'fault 124: end a stream at %s with their own event, and no terminal marker',
    async (path, body, event) => {
      const queue = new ByteQueue({ pause: () => {}, resume: () => {}, cancel: () => {} })
      const { port, server } = await startServer({
        dialects,
        serve: async () => fakeReply({ contentType: 'text/event-stream', body: queue }),
      })
      queue.push(new TextEncoder().encode('data: {}\n\n'))
      const client = await openRawClient(port)
      client.send(rawChat({ path, body }))
      await client.until('data: {}')
      await server.drain(20)
      const { text, reset } = await client.closed()
      expect(text).toMatch(event)
      expect(text).not.toMatch(/\[DONE\]|message_stop/)
      expect(reset).toBe(false)
    },
  )

  test.each([
    ['/v1/chat/completions', CHAT_BODY, 'openai-chat'],
    ['/v1/messages', MESSAGES_BODY, 'anthropic-messages'],
  ] as const)('fault 145: keep a silent stream at %s alive in their own way', async (path, body, id) => {
    const queue = new ByteQueue({ pause: () => {}, resume: () => {}, cancel: () => {} })
    const { port } = await startServer({
      dialects,
      heartbeatMs: 20,
      serve: async () => fakeReply({ contentType: 'text/event-stream', body: queue }),
    })
    const client = await openRawClient(port)
    client.send(rawChat({ path, body }))
    const heartbeat = dialects.get(id)?.heartbeat ?? 'no heartbeat'
    expect(heartbeat.endsWith('\n\n')).toBe(true)
    expect(await client.until(heartbeat)).toContain(heartbeat)
    queue.end()
  })

  test('tell who failed, what was tried and what to do', async () => {
    const attempts = [{ target: 'a/b', status: 503, code: 'upstream_unavailable', durationMs: 12 }]
    const { chat } = await startServer({
      dialects,
      serve: () =>
        Promise.reject(
          new GatewayError('upstream_unavailable', 'The provider is down.', {
            upstreamStatus: 503,
          }).withAttempts(attempts),
        ),
    })
    for (const [path, body] of [
      ['/v1/chat/completions', CHAT_BODY],
      ['/v1/messages', MESSAGES_BODY],
    ] as const) {
      const answer = await chat({ body }, path)
      const text = await answer.text()
      expect(answer.status).toBe(503)
      expect(text).toContain('a/b')
      expect(text).toContain(answer.headers.get('request-id'))
    }
  })
})
