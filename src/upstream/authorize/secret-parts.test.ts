import { expect, test } from 'vitest'
import { Secret } from '../../std/secret.ts'
import { secretParts } from './secret-parts.ts'

const aws = { kind: 'aws-sigv4', service: 'bedrock', region: 'us-east-1' } as const
const google = { kind: 'google-oauth' } as const
const long = (name: string) => `${name}-${'x'.repeat(20)}`

test.each([
  [aws, `AKIDEXAMPLEEXAMPLE:${long('secret')}:${long('token')}`, [long('secret'), long('token')]],
  [
    aws,
    JSON.stringify({ Credentials: { SecretAccessKey: long('s'), SessionToken: long('t') } }),
    [long('s'), long('t')],
  ],
  [aws, JSON.stringify({ accessKeyId: long('id'), sessionToken: long('t') }), [long('t')]],
  [aws, 'ABSKwithoutacolon', []],
  [google, JSON.stringify({ client_email: long('mail'), private_key: long('key') }), [long('key')]],
  [{ kind: 'header', header: 'x-api-key', prefix: '' } as const, `a:${long('b')}`, []],
])('%j holds the secrets that it holds', (auth, text, parts) => {
  const found = secretParts(auth, new Secret(text)).map((part) => part.reveal())
  expect(found).toEqual(parts)
})
