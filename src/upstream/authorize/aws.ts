/**
 * Signature Version 4, by AWS's own signer. Signed are the body, the host, the content type and AWS's own headers, and
 * nothing that a proxy between us and AWS may change.
 */

import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import type { SignatureV4 } from '@smithy/signature-v4'
import type { AuthScheme } from '../../providers/provider.ts'
import type { Clock } from '../../std/clock.ts'
import type { Secret } from '../../std/secret.ts'
import type { BodySource, TransportRequest } from '../../std/transport.ts'
import type { Authorizer } from '../send.ts'
import { readAwsCredential } from './aws-credential.ts'
import { assertToken, withBearer } from './bearer.ts'

type AwsScheme = Extract<AuthScheme, { readonly kind: 'aws-sigv4' }>

export interface AwsAuthorizerOptions {
  readonly scheme: AwsScheme
  readonly credential: Secret
  /** Of the provider, for messages. */
  readonly name: string
  readonly clock: Clock
}

export function awsAuthorizer({ scheme, credential, name, clock }: AwsAuthorizerOptions): Authorizer {
  let signer: Promise<SignatureV4> | undefined
  return {
    authorize(request) {
      const read = readAwsCredential(credential.reveal(), name)
      if (read.kind === 'bearer') return withBearer(request, assertToken(read.token, name))
      signer ??= createSigner(scheme, read)
      return sign(signer, request, new Date(clock.wallMs()))
    },
  }
}

interface Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** The signer is read from disk only where somebody uses AWS. */
async function createSigner({ service, region }: AwsScheme, credentials: Keys): Promise<SignatureV4> {
  const { SignatureV4 } = await import('@smithy/signature-v4')
  return new SignatureV4({ service, region, credentials, sha256: Sha256, applyChecksum: true })
}

async function sign(
  signer: Promise<SignatureV4>,
  request: TransportRequest,
  signingDate: Date,
): Promise<TransportRequest> {
  const { protocol, host, hostname } = new URL(request.origin)
  const [path = '', query = ''] = splitOnce(request.path, '?')
  const signed = await (await signer).sign(
    {
      method: request.method,
      protocol,
      hostname,
      path,
      query: queryOf(query),
      headers: { ...signedHeaders(request), host, 'x-amz-content-sha256': await bodyHash(request.body) },
    },
    { signingDate },
  )
  const { host: _host, ...added } = signed.headers
  return { ...request, headers: { ...request.headers, ...added } }
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

/** Decoded: the signer encodes them anew in its own way. */
function queryOf(query: string): Record<string, string | string[]> {
  const parameters = new URLSearchParams(query)
  return Object.fromEntries([...new Set(parameters.keys())].map((name) => [name, parameters.getAll(name)]))
}

function signedHeaders({ headers }: TransportRequest): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name === 'content-type' || name.startsWith('x-amz-')),
  )
}

async function bodyHash(body: Uint8Array | BodySource | undefined): Promise<string> {
  const hash = createHash('sha256')
  if (body instanceof Uint8Array) hash.update(body)
  else if (body !== undefined) for await (const chunk of body.open()) hash.update(chunk)
  return hash.digest('hex')
}

type Bytes = string | ArrayBuffer | ArrayBufferView

/** Node's own SHA-256 in the shape that AWS's signer asks for: plain without a secret, an HMAC with one. */
class Sha256 {
  readonly #secret: Uint8Array | string | undefined
  #hash: Hash | Hmac

  constructor(secret?: Bytes) {
    this.#secret = secret === undefined ? undefined : bytesOf(secret)
    this.#hash = this.#create()
  }

  update(data: Bytes): void {
    this.#hash.update(bytesOf(data))
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest())
  }

  reset(): void {
    this.#hash = this.#create()
  }

  #create(): Hash | Hmac {
    return this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret)
  }
}

function bytesOf(data: Bytes): Uint8Array | string {
  if (typeof data === 'string') return data
  return data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}
