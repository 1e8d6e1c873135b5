/** Asks a listener of our own on this machine: bounded in time and size, without following anything elsewhere. */

import { type IncomingHttpHeaders, type IncomingMessage, request as askPlain } from 'node:http'
import { request as askSecure, type RequestOptions } from 'node:https'
import { getCACertificates } from 'node:tls'

/** Limit of the whole asking, ms. */
const ASK_MS = 5_000
/** A report of the most targets that are told. */
const ANSWER_BYTES_MAX = 16 * 1024 ** 2

export type OwnAnswer =
  | {
      readonly type: 'answer'
      readonly status: number
      readonly headers: IncomingHttpHeaders
      readonly text: string
    }
  | { readonly type: 'unreachable'; readonly reason: string }

export interface OwnAsk {
  /** Sent with POST; without it the asking is a GET. */
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Limit of the whole asking, ms. Default 5 s. */
  readonly timeoutMs?: number
  /** Over TLS: what the listener must prove. Default: the host of the URL, to authorities that the system trusts. */
  readonly proof?: OwnProof
}

/** A listener that is asked at its address, which its certificate need not name. */
export interface OwnProof {
  /** Default: the host of the URL. */
  readonly name?: string
  /** Certificates that are trusted beside those of the system, PEM: the listener's own. */
  readonly chain?: string
}

/** Never rejects. */
export function askOwn(
  url: string,
  { body, headers = {}, timeoutMs = ASK_MS, proof = {} }: OwnAsk = {},
): Promise<OwnAnswer> {
  return new Promise((resolve) => {
    const fail = (error: unknown) => resolve({ type: 'unreachable', reason: reasonOf(error, timeoutMs) })
    const method = body === undefined ? 'GET' : 'POST'
    const options = { method, headers, agent: false, signal: AbortSignal.timeout(timeoutMs) } as const
    const request = url.startsWith('https:')
      ? askSecure(url, { ...options, ...secured(proof) })
      : askPlain(url, options)
    request.on('error', fail)
    request.on('response', (response) => {
      readText(response).then(
        (text) =>
          resolve({ type: 'answer', status: response.statusCode ?? 0, headers: response.headers, text }),
        fail,
      )
    })
    request.end(body)
  })
}

function secured({ name, chain }: OwnProof): RequestOptions {
  return {
    // Said here, so that no environment variable can unsay it (SEC-8).
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(name !== undefined && { servername: name }),
    // Its own certificate need not be an authority: it is the one that is meant.
    ...(chain !== undefined && { ca: [...getCACertificates(), chain], allowPartialTrustChain: true }),
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    // No encoding is set, so chunks are buffers.
    const buffer = chunk as Buffer
    bytes += buffer.length
    if (bytes > ANSWER_BYTES_MAX) throw new Error('its answer is too long')
    chunks.push(buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'unknown'
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return `no answer within ${timeoutMs} ms`
  return 'code' in error ? String(error.code) : error.message
}
