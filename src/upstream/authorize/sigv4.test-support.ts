/** Signature Version 4 by the book, apart from the signer under test: what AWS would compute of a request it receives. */

import { createHash, createHmac } from 'node:crypto'

export interface ReceivedRequest {
  readonly method: string
  /** As it stood on the wire. */
  readonly path: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array | string
}

/** The signature that the request's own `authorization` says it carries, and the one it should carry. */
export function signaturesOf(request: ReceivedRequest, secretAccessKey: string) {
  const authorization = request.headers['authorization'] ?? ''
  const [, scope = '', names = '', said = ''] =
    /^AWS4-HMAC-SHA256 Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+), Signature=(\w+)$/.exec(
      authorization,
    ) ?? []
  return { said, expected: expectedSignature(request, { scope, names: names.split(';'), secretAccessKey }) }
}

export interface Signing {
  /** `20150830/us-east-1/service/aws4_request`. */
  readonly scope: string
  readonly names: readonly string[]
  readonly secretAccessKey: string
}

export function expectedSignature(
  request: ReceivedRequest,
  { scope, names, secretAccessKey }: Signing,
): string {
  const canonical = [
    request.method,
    canonicalPath(request.path.split('?', 1)[0] ?? ''),
    canonicalQuery(request.path.split('?')[1] ?? ''),
    ...names.map((name) => `${name}:${(request.headers[name] ?? '').trim()}`),
    '',
    names.join(';'),
    sha256(request.body),
  ].join('\n')
  const date = request.headers['x-amz-date'] ?? ''
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n')
  const key = scope
    .split('/')
    .reduce<string | Buffer>((secret, word) => hmac(secret, word), `AWS4${secretAccessKey}`)
  return hmac(key, text).toString('hex')
}

/** Every segment is encoded once more than it is on the wire. */
function canonicalPath(path: string): string {
  return path
    .split('/')
    .map((segment) => encodeRfc3986(segment))
    .join('/')
}

function canonicalQuery(query: string): string {
  return [...new URLSearchParams(query)]
    .map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`)
    .sort()
    .join('&')
}

function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex')
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest()
}
