import { afterAll, describe, expect, test } from 'vitest'
import { Secret } from '../std/secret.ts'
import { answering, errorOf, openAttempts, outcomeOf, type SentOptions } from './sent-to-wall.ts'
import { CREDENTIAL, httpAnswer, wallTarget } from './wall.ts'

const { send, close } = openAttempts()
afterAll(close)

describe('what is sent', () => {
  async function headOf(over: SentOptions): Promise<string[]> {
    await using wall = await answering(httpAnswer(200, '{}'))
    await outcomeOf(send(wall, over))
    const [request] = wall.requests
    return (request?.head ?? '').replaceAll(wall.origin.slice('http://'.length), 'HOST').split('\r\n').sort()
  }

  test('SEC-24: is exactly what is listed', async () => {
    const head = await headOf({
      headers: { 'openai-beta': 'x' },
      provider: { headers: { 'x-operator': 'y' } },
    })
    expect(head).toEqual(
      [
        'POST /v1/chat/completions HTTP/1.1',
        'host: HOST',
        'connection: keep-alive',
        'openai-beta: x',
        'accept: application/json',
        'content-type: application/json',
        'x-operator: y',
        'accept-encoding: identity',
        'user-agent: holdfast/0.0.0',
        `authorization: Bearer ${CREDENTIAL}`,
        'content-length: 17',
      ].sort(),
    )
  })

  test('SEC-24, fault 102: leaves out the client’s credentials and what belongs to its connection', async () => {
    const names = [
      'authorization',
      'x-api-key',
      'api-key',
      'x-goog-api-key',
      'cookie',
      'proxy-authorization',
      'host',
      'connection',
      'te',
      'expect',
      'transfer-encoding',
      'content-length',
      'content-encoding',
      'x-forwarded-for',
      'x-forwarded-host',
      'forwarded',
      'x-holdfast-internal',
    ]
    const head = await headOf({ headers: Object.fromEntries(names.map((name) => [name, 'client-value'])) })
    expect(head.join('\n')).not.toContain('client-value')
  })

  test('a provider’s own scheme carries the credential, and one without a scheme none', async () => {
    const key = await headOf({ provider: { auth: { kind: 'header', header: 'x-api-key', prefix: '' } } })
    expect(key).toContain(`x-api-key: ${CREDENTIAL}`)
    expect(key.join('\n')).not.toContain('authorization')
    const none = await headOf({ provider: { auth: { kind: 'none' } } })
    expect(none.join('\n')).not.toContain(CREDENTIAL)
  })

  test('the dialect’s own headers are always there, and a client’s value of them is taken', async () => {
    const provider = { dialect: 'anthropic-messages' } as const
    expect(await headOf({ provider })).toContain('anthropic-version: 2023-06-01')
    expect(await headOf({ provider, headers: { 'anthropic-version': '2024-01-01' } })).toContain(
      'anthropic-version: 2024-01-01',
    )
  })

  test('SEC-20: the credential is in no URL', async () => {
    const head = await headOf({})
    expect(head.find((line) => line.startsWith('POST'))).not.toContain(CREDENTIAL)
  })

  test.each(['a\r\nx-injected: 1', 'a\nb', 'a\rb', 'a\u0000b', 'a\u0007b', 'a\u0100b'])(
    'SEC-32: the header value %j never reaches the wire',
    async (value) => {
      await using wall = await answering(httpAnswer(200, '{}'))
      const forwarded = await errorOf(send(wall, { headers: { 'x-own': value } }))
      expect([forwarded.code, forwarded.facts.param]).toEqual(['invalid_request', 'x-own'])
      const configured = await errorOf(send(wall, { provider: { headers: { 'x-own': value } } }))
      expect(configured.code).toBe('gateway_error')
      const target = { ...wallTarget(wall.origin), credential: new Secret(`${CREDENTIAL}${value}`) }
      const credential = await errorOf(send(wall, { target }))
      expect(credential.code).toBe('upstream_auth')
      expect(credential.message).not.toContain(CREDENTIAL)
      expect(wall.requests).toHaveLength(0)
    },
  )

  test.each([
    '//evil.test/x',
    'http://evil.test/',
    '/../admin',
    '/a/../../admin',
    '/a/%2e%2E/b',
    '/a/..',
    '/models/a%2F..%2Fb:generateContent',
    '/models/..%5cb',
    '/models/a%0D%0Ab',
    '/models/%00',
    '/./a',
    '/a\\b',
    '/a#b',
    '/a b',
    '/a\r\nx: y',
    '/ä',
    '@evil.test/',
    '',
  ])('SEC-1: the path %j cannot move the address', async (path) => {
    await using wall = await answering(httpAnswer(200, '{}'))
    const outcome = await outcomeOf(send(wall, { path }))
    if (typeof outcome === 'string') {
      expect(wall.requests[0]?.head).toMatch(/^POST \/v1\/\/evil\.test\/x HTTP/)
    } else {
      expect(outcome.code).toBe('invalid_request')
      expect(wall.requests).toHaveLength(0)
    }
  })

  test('SEC-1: no header of a request can name another host', async () => {
    await using evil = await answering(httpAnswer(200, '{}'))
    const names = [
      'host',
      'x-portkey-custom-host',
      'api_base',
      'base_url',
      'x-original-url',
      'x-forwarded-host',
      'custom_host',
    ]
    await using wall = await answering(httpAnswer(200, '{}'))
    await outcomeOf(send(wall, { headers: Object.fromEntries(names.map((name) => [name, evil.origin])) }))
    expect(evil.requests).toHaveLength(0)
    expect(wall.requests[0]?.head).toMatch(/^POST \/v1\/chat\/completions HTTP\/1\.1\r\nhost: 127\.0\.0\.1/)
  })

  test('a base URL with credentials in it is refused', async () => {
    await using wall = await answering(httpAnswer(200, '{}'))
    const error = await errorOf(send(wall, { provider: { baseUrl: 'http://user:secret@127.0.0.1/v1' } }))
    expect(error.code).toBe('gateway_error')
    expect(error.message).not.toContain('secret@')
  })
})
