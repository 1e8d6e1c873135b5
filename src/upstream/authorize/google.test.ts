import { createVerify, generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { createTarget } from '../../providers/target.ts'
import { vertexGemini } from '../../providers/vertex-gemini.ts'
import { ManualClock } from '../wall.ts'
import { Secret } from '../../std/secret.ts'
import type { Transport, TransportFailure, TransportHandler, TransportRequest } from '../../std/transport.ts'
import { createAuthorizers } from './authorizers.ts'
import { FORM_TIMEOUT_MS } from './post-form.ts'
import { RENEW_BEFORE_MS } from './token-cache.ts'

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' })
const account = {
  type: 'service_account',
  client_email: 'gateway@example.iam.example',
  private_key: pem,
  private_key_id: 'k1',
}

const HOUR_MS = 3_600_000

/** A token service that a test answers by hand. */
class HandTransport implements Transport {
  readonly asked: { readonly request: TransportRequest; readonly handler: TransportHandler }[] = []
  aborted = 0

  send(request: TransportRequest, handler: TransportHandler) {
    this.asked.push({ request, handler })
    return {
      pause: () => {},
      resume: () => {},
      abort: () => {
        this.aborted += 1
      },
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  answer(body: unknown, status = 200): void {
    const handler = this.asked.at(-1)?.handler
    handler?.onHeaders(status, {})
    handler?.onData(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)))
    handler?.onEnd()
  }

  fail(failure: TransportFailure): void {
    this.asked.at(-1)?.handler.onFailure(failure)
  }

  form(): URLSearchParams {
    const body = this.asked.at(-1)?.request.body
    return new URLSearchParams(body instanceof Uint8Array ? Buffer.from(body).toString() : '')
  }
}

const request: TransportRequest = {
  origin: 'https://aiplatform.googleapis.com',
  path: '/v1/x',
  method: 'POST',
  headers: { accept: 'application/json' },
  connectMs: 1_000,
}

function stage(credential: unknown) {
  const transport = new HandTransport()
  const clock = new ManualClock()
  const text = typeof credential === 'string' ? credential : JSON.stringify(credential)
  const authorizerOf = createAuthorizers({ transport, clock })
  const target = createTarget(vertexGemini, 'm', new Secret(text))
  /** The header that a request gets. */
  const header = async () => {
    const authorized = await authorizerOf(target)?.authorize(request)
    return authorized?.headers['authorization'] ?? authorized?.headers['x-goog-api-key']
  }
  /** Lets an authorizer that was just asked come to its request. */
  const settle = async () => {
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve()
  }
  return { transport, clock, header, settle }
}

test('a service account’s key is turned into a token by a signed assertion', async () => {
  const { transport, header, settle } = stage(account)
  const asked = header()
  await settle()
  const sent = transport.asked[0]?.request
  expect(`${sent?.origin}${sent?.path}`).toBe('https://oauth2.googleapis.com/token')
  expect(transport.form().get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
  const [head = '', claims = '', signature = ''] = (transport.form().get('assertion') ?? '').split('.')
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown
  expect(read(head)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'k1' })
  expect(read(claims)).toEqual({
    iss: account.client_email,
    scope: 'https://www.googleapis.com/auth/cloud-platform',
    aud: 'https://oauth2.googleapis.com/token',
    iat: 1,
    exp: 3_601,
  })
  const isGenuine = createVerify('RSA-SHA256')
    .update(`${head}.${claims}`)
    .verify(keys.publicKey, signature, 'base64url')
  expect(isGenuine).toBe(true)
  transport.answer({ access_token: 'ya29.token', expires_in: 3_600, token_type: 'Bearer' })
  expect(await asked).toBe('Bearer ya29.token')
})

test('a user’s refresh token is turned into an access token', async () => {
  const user = { type: 'authorized_user', client_id: 'c', client_secret: 's', refresh_token: 'r' }
  const { transport, header, settle } = stage(user)
  const asked = header()
  await settle()
  expect(Object.fromEntries(transport.form())).toEqual({
    grant_type: 'refresh_token',
    client_id: 'c',
    client_secret: 's',
    refresh_token: 'r',
  })
  transport.answer({ access_token: 'ya29.user' })
  expect(await asked).toBe('Bearer ya29.user')
})

test('one fetch serves all who ask, until five minutes before the token ends', async () => {
  const { transport, clock, header, settle } = stage(account)
  const all = Promise.all([header(), header(), header()])
  await settle()
  expect(transport.asked).toHaveLength(1)
  transport.answer({ access_token: 'one', expires_in: 3_600 })
  expect(await all).toEqual(['Bearer one', 'Bearer one', 'Bearer one'])
  clock.advance(HOUR_MS - RENEW_BEFORE_MS - 1)
  expect(await header()).toBe('Bearer one')
  clock.advance(1)
  const renewed = header()
  await settle()
  transport.answer({ access_token: 'two', expires_in: 3_600 })
  expect(await renewed).toBe('Bearer two')
  expect(transport.asked).toHaveLength(2)
})

test('an old token serves while it holds where no new one can be had', async () => {
  const { transport, clock, header, settle } = stage(account)
  const first = header()
  await settle()
  transport.answer({ access_token: 'one', expires_in: 3_600 })
  await first
  clock.advance(HOUR_MS - RENEW_BEFORE_MS)
  const second = header()
  await settle()
  transport.fail({ phase: 'connect', code: 'ECONNREFUSED' })
  expect(await second).toBe('Bearer one')
  clock.advance(RENEW_BEFORE_MS)
  const third = header()
  await settle()
  transport.fail({ phase: 'connect', code: 'ECONNREFUSED' })
  await expect(third).rejects.toMatchObject({ code: 'upstream_unreachable' })
})

test.each([
  [
    400,
    { error: 'invalid_grant', error_description: 'Invalid JWT: SECRET' },
    'upstream_auth',
    'invalid_grant',
  ],
  [401, { error: 'invalid_client' }, 'upstream_auth', 'invalid_client'],
  [403, '<html>', 'upstream_auth', 'status 403'],
  [503, '', 'upstream_unreachable', 'status 503'],
  [429, {}, 'upstream_unreachable', 'status 429'],
  [200, {}, 'upstream_unreachable', 'no token'],
  [200, 'x'.repeat(70_000), 'upstream_unreachable', 'more than'],
  [200, { access_token: 'a\nb' }, 'upstream_auth', 'no header can carry'],
])('an answer of status %i saying %j is %s', async (status, body, code, words) => {
  const { transport, header, settle } = stage(account)
  const asked = header()
  await settle()
  transport.answer(body, status)
  await expect(asked).rejects.toMatchObject({ code, message: expect.stringContaining(words) })
  await asked.catch((error: Error) => expect(error.message).not.toContain('SECRET'))
})

test.each([
  [{ phase: 'connect', code: 'ECONNREFUSED' }, 'upstream_unreachable'],
  [{ phase: 'request', code: 'UND_ERR_SOCKET' }, 'upstream_unreachable'],
  [{ phase: 'response', code: 'UND_ERR_SOCKET' }, 'upstream_unreachable'],
  [{ phase: 'connect', code: 'CERT_HAS_EXPIRED' }, 'upstream_tls'],
] as const)('a failure %j is %s, in words that name the token service', async (failure, code) => {
  const { transport, header, settle } = stage(account)
  const asked = header()
  await settle()
  transport.fail(failure)
  await expect(asked).rejects.toMatchObject({
    code,
    message: expect.stringContaining('token service for Vertex AI'),
  })
})

test('a service that says nothing is given up, and asked again by the next request', async () => {
  const { transport, clock, header, settle } = stage(account)
  const asked = header()
  await settle()
  clock.advance(FORM_TIMEOUT_MS)
  await expect(asked).rejects.toMatchObject({ code: 'upstream_unreachable' })
  expect(transport.aborted).toBe(1)
  const again = header()
  await settle()
  transport.answer({ access_token: 'late' })
  expect(await again).toBe('Bearer late')
  expect(clock.pendingTimers).toBe(0)
})

test('a token or an API key is used as it is', async () => {
  expect(await stage('ya29.mine').header()).toBe('Bearer ya29.mine')
  expect(await stage('Bearer ya29.mine\n').header()).toBe('Bearer ya29.mine')
  expect(await stage('AIzaExample').header()).toBe('AIzaExample')
})

test.each([
  ['{"cut', 'is no JSON'],
  [{ ...account, type: 'external_account' }, 'of a type that cannot be used'],
  [{ type: 'service_account', client_email: 'a' }, 'lacks client_email or private_key'],
  [{ ...account, private_key: 'nonsense' }, 'cannot be read'],
  [{ ...account, token_uri: 'http://evil.example/token' }, 'no https address'],
  [{ type: 'authorized_user', client_id: 'a' }, 'lacks client_id'],
  ['/etc/keys/google.json', 'path'],
  ['two words', 'no header can carry'],
])('the credential %j is refused here, in words that help', async (credential, words) => {
  const { header, transport } = stage(credential)
  await expect(header()).rejects.toMatchObject({
    code: 'upstream_auth',
    message: expect.stringContaining(words),
  })
  expect(transport.asked).toEqual([])
})

test('a key whose line breaks are written out is a key', async () => {
  const { transport, header, settle } = stage({ ...account, private_key: pem.replaceAll('\n', '\\n') })
  const asked = header()
  await settle()
  transport.answer({ access_token: 'one' })
  expect(await asked).toBe('Bearer one')
})
