import { describe, expect, test } from 'vitest'
import { bedrock } from '../../providers/bedrock.ts'
import { createTarget } from '../../providers/target.ts'
import { ManualClock } from '../wall.ts'
import { Secret } from '../../std/secret.ts'
import type { Transport, TransportRequest } from '../../std/transport.ts'
import { createAuthorizers } from './authorizers.ts'
import { expectedSignature, signaturesOf } from './sigv4.test-support.ts'

const ID = 'AKIDEXAMPLE'
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'

const noTransport: Transport = {
  send: () => {
    throw new Error('nothing is to be sent')
  },
  close: () => Promise.resolve(),
}

const request: TransportRequest = {
  origin: 'https://bedrock-runtime.us-east-1.amazonaws.com',
  path: '/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse',
  method: 'POST',
  headers: {
    accept: 'application/json',
    'content-type': 'application/json',
    'user-agent': 'holdfast',
  },
  body: Buffer.from('{"messages":[]}'),
  connectMs: 1_000,
}

function authorizer(credential: string, provider = bedrock) {
  const authorizerOf = createAuthorizers({ transport: noTransport, clock: new ManualClock() })
  return authorizerOf(createTarget(provider, 'm', new Secret(credential)))
}

async function authorize(credential: string, changed: Partial<TransportRequest> = {}) {
  const authorized = await authorizer(credential)?.authorize({ ...request, ...changed })
  if (authorized === undefined) throw new Error('there is no authorizer')
  return authorized
}

function received({ method, path, headers, body, origin }: TransportRequest) {
  const bytes = body instanceof Uint8Array ? body : ''
  return { method, path, headers: { ...headers, host: new URL(origin).host }, body: bytes }
}

/** Facts of AWS's published test suite for Signature Version 4: 30 August 2015, us-east-1, a service named "service". */
describe('the verifier of these tests', () => {
  const scope = '20150830/us-east-1/service/aws4_request'
  const headers = { host: 'example.amazonaws.com', 'x-amz-date': '20150830T123600Z' }
  const plain = ['host', 'x-amz-date']

  test.each([
    ['get-vanilla', 'GET', '/', {}, '', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['post-vanilla', 'POST', '/', {}, '', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'get-vanilla-query-order-key-case',
      'GET',
      '/?Param2=value2&Param1=value1',
      {},
      '',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
    [
      'post-x-www-form-urlencoded',
      'POST',
      '/',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'Param1=value1',
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
  ])('agrees with %s', (_name, method, path, added, body, signature) => {
    const signing = { scope, names: [...Object.keys(added), ...plain], secretAccessKey: SECRET }
    expect(expectedSignature({ method, path, headers: { ...headers, ...added }, body }, signing)).toBe(
      signature,
    )
  })
})

describe('a request to AWS', () => {
  test('is signed as AWS checks it, the colon of a model’s name encoded twice', async () => {
    const signed = await authorize(`${ID}:${SECRET}`)
    const { said, expected } = signaturesOf(received(signed), SECRET)
    expect(said).toBe(expected)
    expect(signed.headers['authorization']).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/19700101\/us-east-1\/bedrock\/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, /,
    )
    expect(signed.headers['x-amz-date']).toBe('19700101T000001Z')
    expect(signed).toMatchObject({ path: request.path, body: request.body, headers: request.headers })
    expect(signed.headers).not.toHaveProperty('host')
  })

  test('is signed with slashes, a query, a port and a session token', async () => {
    const changed = { origin: 'http://127.0.0.1:8080', path: '/model/arn%3Aaws%2Fx/converse?b=2&a=1%202' }
    const signed = await authorize(`${ID}:${SECRET}:token/with+and=`, changed)
    const { said, expected } = signaturesOf(received(signed), SECRET)
    expect(said).toBe(expected)
    expect(signed.headers['x-amz-security-token']).toBe('token/with+and=')
    expect(signed.headers['authorization']).toContain(';x-amz-security-token,')
  })

  test('is signed over a body that is read in pieces', async () => {
    const text = '{"messages":[]}'
    const body = {
      length: text.length,
      async *open() {
        yield Buffer.from(text.slice(0, 4))
        yield Buffer.from(text.slice(4))
      },
    }
    const { headers } = await authorize(`${ID}:${SECRET}`, { body })
    expect(headers['authorization']).toBe((await authorize(`${ID}:${SECRET}`)).headers['authorization'])
  })

  test.each([
    ['an object of an SDK', { accessKeyId: ID, secretAccessKey: SECRET }],
    ['what AWS’s tools print', { Credentials: { AccessKeyId: ID, SecretAccessKey: SECRET } }],
  ])('takes its keys from %s', async (_form, value) => {
    const { headers } = await authorize(JSON.stringify(value))
    expect(headers['authorization']).toBe((await authorize(`${ID}:${SECRET}`)).headers['authorization'])
  })

  test('carries a Bedrock API key as it is', async () => {
    const { headers } = await authorize('ABSKexample=\n')
    expect(headers).toEqual({ ...request.headers, authorization: 'Bearer ABSKexample=' })
  })

  test.each(['{"accessKeyId":"a"}', '{"cut', 'id:', ':secret', 'bad id:secret', 'two words'])(
    'is refused here with a credential that is none: %s',
    async (credential) => {
      const failure = Promise.resolve().then(() => authorize(credential))
      await expect(failure).rejects.toMatchObject({ code: 'upstream_auth' })
      await failure.catch((error: Error) => expect(error.message).not.toContain('accessKeyId'))
    },
  )
})

test('a key that is a header, and no key, need no authorizer', () => {
  const auth = { kind: 'header', header: 'x-api-key', prefix: '' } as const
  expect(authorizer('k', { ...bedrock, auth })).toBeUndefined()
  const authorizerOf = createAuthorizers({ transport: noTransport, clock: new ManualClock() })
  expect(authorizerOf(createTarget(bedrock, 'm'))).toBeUndefined()
})

test('one credential has one authorizer, and another region another', () => {
  const authorizerOf = createAuthorizers({ transport: noTransport, clock: new ManualClock() })
  const credential = new Secret(`${ID}:${SECRET}`)
  const first = authorizerOf(createTarget(bedrock, 'a', credential))
  expect(authorizerOf(createTarget(bedrock, 'b', credential))).toBe(first)
  const elsewhere = bedrock.at?.('https://bedrock-runtime.eu-west-1.amazonaws.com') ?? bedrock
  expect(authorizerOf(createTarget(elsewhere, 'a', credential))).not.toBe(first)
})
