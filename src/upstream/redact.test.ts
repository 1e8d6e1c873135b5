import { describe, expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { Secret } from '../std/secret.ts'
import { createRedactor, ERROR_MESSAGE_MAX, redactError } from './redact.ts'

const secret = new Secret('s3cr=t/with+odd&chars"and more')
const redactor = createRedactor([secret])
const redact = (text: string) => redactor.redact(text)

describe('SEC-22: live secrets are taken out of texts', () => {
  const value = secret.reveal()

  test.each([
    ['as it is', value],
    ['URL-encoded', encodeURIComponent(value)],
    [
      'URL-encoded in lower case',
      encodeURIComponent(value).replaceAll(/%../g, (escape) => escape.toLowerCase()),
    ],
    ['inside JSON', JSON.stringify(value).slice(1, -1)],
    ['in base64', Buffer.from(value).toString('base64')],
    ['in base64url', Buffer.from(value).toString('base64url')],
    ['in base64 behind a user', Buffer.from(`u:${value}`).toString('base64')],
    [
      'in base64 behind a longer user, and more behind',
      Buffer.from(`user:${value}, and more`).toString('base64'),
    ],
    ['in base64 behind a third offset', Buffer.from(`abc:${value}zz`).toString('base64url')],
  ])('%s', (_name, echoed) => {
    const redacted = redact(`wrong key ${echoed} given`)
    expect(redacted).toContain(secret.toString())
    for (let at = 0; at + 12 <= value.length; at += 1)
      expect(redacted).not.toContain(value.slice(at, at + 12))
    expect(redacted).toMatch(/^wrong key .* given$/)
  })

  test('in every place of a text', () => {
    expect(redact(`${value} and ${value}`)).toBe(`${String(secret)} and ${String(secret)}`)
  })

  test('placeholders too short to be secrets do not garble texts', () => {
    expect(createRedactor([new Secret('ollama')]).redact('ollama is busy')).toBe('ollama is busy')
  })

  test('a reload brings new secrets', () => {
    const redactor = createRedactor([secret])
    redactor.update([new Secret('another-secret-value')])
    expect(redactor.redact(`another-secret-value ${value}`)).toBe(
      `[secret:${new Secret('another-secret-value').fingerprint}] ${value}`,
    )
  })
})

describe('SEC-22: what looks like a secret is taken out of texts', () => {
  test.each([
    ['Incorrect API key provided: sk-proj-abcDEF0123456789_-xyz.', 'sk-proj'],
    ['Incorrect API key provided: sk-abcd****************wxyz', 'wxyz'],
    ['key sk-ant-api03-abcdefghijkl', 'abcdefghijkl'],
    ['key AIzaSyA0123456789abcdefghijklmnopqrstuv', 'SyA0123456789'],
    ['AKIAIOSFODNN7EXAMPLE', 'IOSFODNN7'],
    ['gsk_abcdefghijklmnop hf_abcdefghijklmnop', 'abcdefghijklmnop'],
    ['Authorization: Bearer abcdefghijklmnopqrstuvwxyz==', 'abcdefghijklmnop'],
    ['authorization: Basic dXNlcjpwYXNzd29yZDEyMw==', 'dXNlcjpw'],
    ['{"x-api-key":"abcdefghij"}', 'abcdefghij'],
    ['api_key=abcdefghij&model=x', 'abcdefghij'],
    ['GET /v1beta/models?key=abcdefghij', 'abcdefghij'],
    ['jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl', 'eyJzdWIi'],
    ['for organization org-0123456789abcdef', '0123456789abcdef'],
    ['for project proj_0123456789abcdef', '0123456789abcdef'],
    ['token ya29.a0AfH6SMBx-abcdefghijkl has expired', 'a0AfH6SMBx'],
    ['xai-abcdefghijklmnop pplx-abcdefghijklmnop nvapi-abcdefghijklmnop', 'abcdefghijklmnop'],
    ['r8_abcdefghijklmnop fw_abcdefghijklmnop tgp_abcdefghijklmnop', 'abcdefghijklmnop'],
    ['ghp_abcdefghijklmnop github_pat_abcdefghijklmnop', 'abcdefghijklmnop'],
    ['csk-abcdefghijkl rk-abcdefghijkl pk-abcdefghijkl', 'abcdefghijkl'],
    ['ASIAIOSFODNN7EXAMPLE', 'IOSFODNN7'],
    ['client_secret: abcdefghij', 'abcdefghij'],
    ['"access_token":"abcdefghij"', 'abcdefghij'],
    ['x-goog-api-key=abcdefghij', 'abcdefghij'],
    ['GET /x?sig=abcdefghij&a=b', 'abcdefghij'],
    ['GET /x?a=b&signature=abcdefghij', 'abcdefghij'],
    ['GET /x?token=abcdefghij', 'abcdefghij'],
  ])('%s', (text, hidden) => {
    expect(createRedactor().redact(text)).not.toContain(hidden)
  })

  test.each([
    'The model gpt-4o does not exist',
    'Missing bearer or basic authentication in header',
    'invalid x-api-key',
    'max_tokens: 5 is too few; see https://example.com/docs?page=2',
    'risk-assessment-of-everything',
    'token limit 8192 for organization',
  ])('leaves "%s" as it is', (text) => {
    expect(createRedactor().redact(text)).toBe(text)
  })

  test('takes time that grows with the length only', () => {
    const hostile = [
      'eyJ',
      'sk-',
      'Bearer ',
      'Bearer\t',
      'api_key=',
      'api_key = "',
      'eyJaaaaaaaaaa.',
      'org-',
      '?key=',
      'a',
    ].map((unit) => unit.repeat(Math.ceil(262_144 / unit.length)))
    for (const text of hostile) {
      const startedAtMs = performance.now()
      redact(text)
      expect(performance.now() - startedAtMs).toBeLessThan(500)
    }
  })
})

describe('redacting an error', () => {
  test('covers the message and every fact that holds words, and drops the cause', () => {
    const words = `said ${secret.reveal()}`
    const facts = {
      upstreamMessage: words,
      upstreamType: words,
      param: words,
      details: { deep: [words] },
      retryAfterMs: 5,
    }
    const error = redactError(
      new GatewayError('rate_limited', words, facts, new Error(words)),
      createRedactor([secret]),
    )
    expect(error.code).toBe('rate_limited')
    expect(error.cause).toBeUndefined()
    expect(error.facts.retryAfterMs).toBe(5)
    const said = `said ${String(secret)}`
    expect(error.message).toBe(said)
    expect(error.facts).toMatchObject({
      upstreamMessage: said,
      upstreamType: said,
      param: said,
      details: { deep: [said] },
    })
  })

  test('bounds the message', () => {
    const error = redactError(new GatewayError('upstream_error', 'a'.repeat(100_000)), createRedactor())
    expect(error.message.length).toBe(ERROR_MESSAGE_MAX)
  })
})

test('fault 38: the addresses of providers are taken out, plain words are not', () => {
  const redactor = createRedactor([], ['10.1.2.3:8000', 'llm.corp.example', 'localhost'])
  expect(redactor.redact('no route for 10.1.2.3:8000 or llm.corp.example on localhost')).toBe(
    'no route for [host] or [host] on localhost',
  )
})
