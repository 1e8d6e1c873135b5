import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { answering, errorOf, openAttempts } from './sent-to-wall.ts'
import { CREDENTIAL, httpAnswer, openRawWall, openWall, until } from './wall.ts'

const { send, notices, close } = openAttempts()
afterAll(close)

describe('a refusal', () => {
  const words = (message: string) => JSON.stringify({ error: { message, type: 'server_error' } })

  test('is classified by its dialect and names the target', async () => {
    await using wall = await answering(httpAnswer(429, words('slow down'), { 'retry-after': '2' }))
    const error = await errorOf(send(wall))
    expect([error.code, error.facts.retryAfterMs, error.facts.upstreamStatus]).toEqual([
      'rate_limited',
      2_000,
      429,
    ])
    expect(error.message).toContain('wall/brick')
  })

  test.each(['86400000', '-1', 'soon', 'Thu, 01 Jan 1970 00:00:00 GMT', '1e309', 'NaN', ''])(
    'fault 21: a retry-after of %j is survived and gives no long wait',
    async (value) => {
      await using wall = await answering(httpAnswer(429, words('slow down'), { 'retry-after': value }))
      const error = await errorOf(send(wall))
      expect(error.code).toBe('rate_limited')
      expect(error.facts.retryAfterMs ?? 0).toBeLessThanOrEqual(86_400_000)
      expect(error.facts.retryAfterMs ?? 0).toBeGreaterThanOrEqual(0)
    },
  )

  test('fault 22: retry-after-ms wins over retry-after', async () => {
    await using wall = await answering(
      httpAnswer(429, words('slow'), { 'retry-after': '60', 'retry-after-ms': '150' }),
    )
    expect((await errorOf(send(wall))).facts.retryAfterMs).toBe(150)
  })

  test.each([502, 520, 524])(
    'fault 33: a %d with a web page shows no markup and at most 200 characters of it',
    async (status) => {
      const page = `<!DOCTYPE html><html><head><title>wall | ${'bad gateway '.repeat(50)}</title></head><body><h1>x</h1></body></html>`
      await using wall = await answering(httpAnswer(status, page, { 'content-type': 'text/html' }))
      const error = await errorOf(send(wall))
      expect([502, 504]).toContain(error.status)
      expect(error.message).not.toMatch(/[<>]/)
      expect(error.message.length).toBeLessThan(300)
      expect(error.facts.upstreamMessage ?? '').not.toMatch(/[<>]/)
    },
  )

  test.each([
    ['a login page', httpAnswer(200, '<html><title>Log in</title></html>', { 'content-type': 'text/html' })],
    ['a page that claims to be JSON', httpAnswer(200, '<html></html>')],
    [
      'a page that claims to be a stream',
      httpAnswer(200, '\n<html></html>', { 'content-type': 'text/event-stream' }),
    ],
    ['a sentence', httpAnswer(200, 'It works!', { 'content-type': 'text/plain' })],
    ['a picture', httpAnswer(200, '\u0089PNG', { 'content-type': 'image/png' })],
    ['204', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['205', 'HTTP/1.1 205 Reset\r\ncontent-length: 0\r\n\r\n'],
    ['206', httpAnswer(206, '{}')],
    ['304', 'HTTP/1.1 304 Not Modified\r\n\r\n'],
  ])('fault 34: %s is no answer', async (_name, bytes) => {
    await using wall = await answering(bytes)
    const error = await errorOf(send(wall, { stream: true }))
    expect([error.code, error.status]).toEqual(['upstream_bad_response', 502])
    expect(error.message).not.toMatch(/html|Log in|It works/)
  })

  test.each([301, 302, 303, 307, 308])(
    'fault 35, SEC-4: a %d is not followed, nor is its Location shown',
    async (status) => {
      await using other = await answering(httpAnswer(200, '{}'))
      for (const location of [`${other.origin}/x`, 'http://169.254.169.254/latest']) {
        notices.length = 0
        await using wall = await answering(httpAnswer(status, `see ${location}`, { location }))
        const error = await errorOf(send(wall))
        expect([error.code, error.status]).toEqual(['upstream_redirect', 502])
        expect(JSON.stringify([error.message, error.facts, notices])).not.toContain(location)
        expect(notices.map(({ name }) => name)).toEqual(['redirect_refused'])
      }
      expect(other.requests).toHaveLength(0)
    },
  )

  test.each([
    ['empty', ''],
    ['no JSON', 'upstream connect error or disconnect/reset before headers'],
    ['an array', '[]'],
    ['JSON cut short', '{"error":{"mess'],
    ['not UTF-8', Buffer.from([0xff, 0xfe, 0x00])],
  ])('fault 37: a 503 whose body is %s is classified by its status', async (_name, body) => {
    await using wall = await answering(httpAnswer(503, body))
    expect((await errorOf(send(wall))).facts.upstreamStatus).toBe(503)
  })

  test('fault 37: of a refusal of 50 MB at most 64 KiB are read, and the provider is hung up on', async () => {
    let written = 0
    await using wall = await openWall(({ socket }) => {
      socket.write('HTTP/1.1 500 No\r\ncontent-type: application/json\r\ncontent-length: 50000000\r\n\r\n')
      const more = () => {
        while (written < 50_000_000 && socket.writable) {
          written += 65_536
          if (!socket.write(Buffer.alloc(65_536, 'x'))) break
        }
      }
      socket.on('drain', more)
      more()
    })
    const error = await errorOf(send(wall))
    expect(error.facts.upstreamStatus).toBe(500)
    await until(() => wall.sockets[0]?.destroyed === true)
    expect(written).toBeLessThan(20_000_000)
  })

  test.each([
    ['gzip', gzipSync(Buffer.alloc(20_000_000))],
    ['br', brotliCompressSync(Buffer.alloc(2_000_000))],
    ['gzip, gzip, gzip', Buffer.from('nonsense')],
  ])('fault 37, SEC-57: a refusal in %s is not unpacked', async (encoding, body) => {
    await using wall = await answering(httpAnswer(500, body, { 'content-encoding': encoding }))
    const startedAtMs = performance.now()
    const error = await errorOf(send(wall))
    expect(error.facts.upstreamStatus).toBe(500)
    expect(error.facts.upstreamMessage).toBeUndefined()
    expect(performance.now() - startedAtMs).toBeLessThan(1_000)
  })

  test('fault 38: a refusal that echoes our key is told without it', async () => {
    const echo = `Incorrect API key ${CREDENTIAL} (${Buffer.from(CREDENTIAL).toString('base64')}) for org-0123456789abcdefgh`
    for (const status of [400, 401, 403, 422, 429, 500, 503]) {
      await using wall = await answering(httpAnswer(status, words(echo)))
      const error = await errorOf(send(wall))
      const shown = JSON.stringify([error.message, error.facts, String(error.cause)])
      expect(shown).not.toContain(CREDENTIAL)
      expect(shown).not.toContain(Buffer.from(CREDENTIAL).toString('base64').slice(0, 20))
      expect(shown).not.toContain('0123456789abcdefgh')
    }
  })

  test('fault 10: a refusal that comes while the body is uploading is classified by its status', async () => {
    await using wall = await openRawWall((socket) => {
      socket.once('data', () => {
        socket.pause()
        socket.end(httpAnswer(413, words('too large'), { connection: 'close' }))
      })
    })
    const error = await errorOf(send(wall, { body: Buffer.alloc(6_000_000, 'a') }))
    expect(error.code).toBe('upstream_request_too_large')
  })

  test('fault 10: a refusal whose body never comes whole is classified by what came', async () => {
    await using wall = await openWall(({ socket }) => {
      socket.write('HTTP/1.1 429 No\r\ncontent-length: 1000\r\nretry-after: 1\r\n\r\n{"err', () =>
        setImmediate(() => socket.resetAndDestroy()),
      )
    })
    const error = await errorOf(send(wall))
    expect([error.code, error.facts.retryAfterMs]).toEqual(['rate_limited', 1_000])
  })
})

test('SEC-5: a provider at a metadata address is never called, and the operator hears of it', async () => {
  notices.length = 0
  await using wall = await answering('')
  const error = await errorOf(send(wall, { provider: { baseUrl: 'http://2852039166/v1' } }))
  expect([error.code, error.status]).toEqual(['blocked_address', 502])
  expect(notices.map(({ name }) => name)).toEqual(['blocked_address'])
})
