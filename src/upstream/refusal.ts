/**
 * A provider's "no": which answers are one, how much of it is read, and what it amounts to. The dialect knows the words;
 * this file keeps web pages, redirects, bombs and secrets out of what is said.
 */

import type { ErrorResponse, TargetDialect } from '../dialects/dialect.ts'
import { classifyRefusal } from '../dialects/classify-refusal.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import { parseRetryAfter } from '../resilience/reset-values.ts'
import type { ResponseHeaders } from '../std/transport.ts'
import { nameOf } from './classify-failure.ts'
import { declaredBody } from './framing.ts'
import { type Redactor, redactError } from './redact.ts'

/** Bytes of a refusal that are read (fault 37). */
export const REFUSAL_BYTES_MAX = 65_536

/** What the status and headers of an answer say before any of its body is read. */
export type Verdict =
  | { readonly type: 'answer' }
  /** Read the body, then classify. */
  | { readonly type: 'refusal' }
  | { readonly type: 'failure'; readonly error: GatewayError }

/** `answers`: what the request takes for an answer (`UpstreamRequest.answers`). */
export function judgeHead(
  status: number,
  headers: ResponseHeaders,
  target: Target,
  answers?: 'any',
): Verdict {
  if (status >= 400) return { type: 'refusal' }
  if (isRedirect(status))
    return failure('upstream_redirect', 'answered with a redirect, which is never followed', status, target)
  if (!isAnswer(status))
    return failure('upstream_bad_response', `answered with status ${status} and no answer`, status, target)
  const encoding = encodingOf(headers)
  if (encoding) {
    // The words of the header stay out: they are the provider's, and unbounded.
    return failure(
      'upstream_bad_response',
      'answered in a content encoding that was not asked for',
      status,
      target,
    )
  }
  const type = headers['content-type']
  const isForeign = answers === 'any' ? WEB_PAGE.test(type ?? '') : declaredBody(type) === 'foreign'
  if (isForeign) return notAnAnswer(status, target)
  return { type: 'answer' }
}

const WEB_PAGE = /^\s*(?:text\/html|application\/xhtml)/i

/** A success whose body is a web page or something else that no API answers. */
export function notAnAnswer(status: number, target: Target): Verdict & { readonly type: 'failure' } {
  return failure(
    'upstream_bad_response',
    'answered with something that is neither JSON nor an event stream',
    status,
    target,
  )
}

/** The bytes of a refusal, up to a bound. */
export class RefusalBody {
  readonly #chunks: Uint8Array[] = []
  #bytes = 0

  /** True when enough has come. */
  add(chunk: Uint8Array): boolean {
    const room = REFUSAL_BYTES_MAX - this.#bytes
    this.#chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
    this.#bytes += Math.min(chunk.length, room)
    return this.#bytes >= REFUSAL_BYTES_MAX
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#chunks)
  }
}

export interface RefusalContext {
  readonly target: Target
  readonly dialect: TargetDialect | undefined
  readonly redactor: Redactor
}

/** The refusal as an error of ours, redacted. A compressed body is left unread: its status has to do (faults 37, 47). */
export function classifyRefusalResponse(response: ErrorResponse, context: RefusalContext): GatewayError {
  const { status, headers } = response
  const readable = encodingOf(headers) ? { ...response, body: new Uint8Array() } : response
  const error = context.dialect?.readError(readable) ?? classifyRefusal({ status, headers })
  return redactError(withFlags(withTarget(error, context.target), headers), context.redactor)
}

/** A wait that makes no sense was ignored on the way, and is counted (fault 21). */
function withFlags(error: GatewayError, headers: ResponseHeaders): GatewayError {
  if (parseRetryAfter(headers).anomaly === undefined) return error
  return error.withFacts({ flags: ['header_anomaly'] })
}

/** Our own sentences say whose words follow; a message that is the client's to mend stays the provider's sentence. */
function withTarget(error: GatewayError, target: Target): GatewayError {
  if (error.row.fault === 'client') return error
  return new GatewayError(error.code, `${target.id}: ${error.message}`, error.facts)
}

function failure(
  code: 'upstream_redirect' | 'upstream_bad_response',
  words: string,
  upstreamStatus: number,
  target: Target,
): Verdict & { readonly type: 'failure' } {
  return { type: 'failure', error: new GatewayError(code, `${nameOf(target)} ${words}.`, { upstreamStatus }) }
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400 && status !== 304
}

function isAnswer(status: number): boolean {
  return status >= 200 && status <= 203
}

function encodingOf(headers: ResponseHeaders): string | undefined {
  const encoding = headers['content-encoding']?.trim().toLowerCase()
  return encoding === '' || encoding === 'identity' ? undefined : encoding
}
