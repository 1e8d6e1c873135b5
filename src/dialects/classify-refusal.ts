/**
 * Says what a provider's refusal amounts to: one code of the error table. Every dialect's errors come through here, from
 * statuses, bodies and events inside streams, so that one table decides what may be tried again.
 */

import type { ErrorCode } from '../errors/codes.ts'
import { type ErrorFacts, GatewayError } from '../errors/gateway-error.ts'
import { parseDuration, parseRetryAfter } from '../resilience/reset-values.ts'
import { LIMITED_MAX_MS } from '../resilience/target-health.ts'
import { bounded, isPage, providersOwnWords, sanitiseMessage, UPSTREAM_PAGE_MAX } from './refusal-text.ts'
import { credentialWide, wordings } from './refusal-wordings.ts'
import { decisiveWords, statusWords } from './refusal-words.ts'

/** What is known of a refusal, however it arrived. */
export interface Refusal {
  /** The HTTP status; for an error inside a 200 the status it names, or 200 where it names none. */
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly type?: string
  readonly code?: string
  /** The provider's message, or the body as text where it was not JSON. */
  readonly message?: string
  readonly param?: string
  /** More words to judge by, never shown: quota ids, reasons, the text of an error behind the error. */
  readonly detail?: string
  /** A wait that the body named, ms. */
  readonly retryAfterMs?: number
  /** Said by a provider behind the one that was called: what it says of a credential is not said of ours. */
  readonly isHandedOn?: boolean
}

/** The refusal as an error of ours, with what the provider said kept in its facts. */
export function classifyRefusal(refusal: Refusal): GatewayError {
  const words = wordsOf(refusal)
  const status = effectiveStatus(refusal, words)
  const code = codeOf(refusal, status, words)
  const facts = factsOf(refusal, status, code)
  return new GatewayError(code, messageOf(code, status, facts.upstreamMessage), facts)
}

/** The type, the code and Bedrock's exception name (its header goes on after a colon), lower case. */
function wordsOf(refusal: Refusal): readonly string[] {
  const words = [refusal.code, refusal.type, refusal.headers['x-amzn-errortype']]
  return words.flatMap((word) => {
    const cut = word?.slice(0, 200).split(':', 1)[0]?.trim().toLowerCase()
    return cut ? [cut] : []
  })
}

/** An error inside a 200 counts as if its own code had been the status; so does one behind a bare 400. */
function effectiveStatus(refusal: Refusal, words: readonly string[]): number {
  if (refusal.status > 400) return refusal.status
  for (const word of words) {
    const named = /^[45]\d\d$/.test(word) ? Number(word) : undefined
    if (named !== undefined) return named
  }
  if (refusal.status === 400) return 400
  for (const word of words) {
    const named = statusWords.get(word)
    if (named !== undefined) return named
  }
  return refusal.status
}

function codeOf(refusal: Refusal, status: number, words: readonly string[]): ErrorCode {
  const text = `${refusal.message ?? ''} ${refusal.detail ?? ''}`.slice(0, 8192)
  const byWord = words.map((word) => decisiveWords.get(word)).find((code) => code !== undefined)
  const byWording = codeOfWording(refusal, status, text)
  const code = narrower(byWord, byWording) ?? codeOfStatus(status, text)
  if (refusal.isHandedOn && credentialWide.has(code)) return ofOneModel(code)
  return code === 'rate_limited' && isNeverServed(refusal, text) ? 'request_over_limit' : code
}

function codeOfWording(refusal: Refusal, status: number, text: string): ErrorCode | undefined {
  const own = providersOwnWords(refusal, status)
  return wordings.find(
    (it) => it.appliesTo(status) && it.pattern.test(credentialWide.has(it.code) ? own : text),
  )?.code
}

/** The same, said of the model that was asked for and of no other. */
function ofOneModel(code: ErrorCode): ErrorCode {
  return code === 'insufficient_quota' ? 'model_quota_exhausted' : 'upstream_forbidden'
}

/**
 * A code of its own binds, except where the wording says more: "too large" beside `rate_limit_exceeded`, a spent
 * budget or a wrong key beside a code for bad requests, a temporary limit beside `insufficient_quota`.
 */
function narrower(byWord: ErrorCode | undefined, byWording: ErrorCode | undefined): ErrorCode | undefined {
  if (byWord === undefined || byWording === undefined) return byWord ?? byWording
  return saysMore[byWord]?.includes(byWording) ? byWording : byWord
}

/** The wordings that say more than a code does. */
const saysMore: Partial<Record<ErrorCode, readonly ErrorCode[]>> = {
  rate_limited: ['request_over_limit', 'model_quota_exhausted', 'insufficient_quota'],
  insufficient_quota: ['rate_limited', 'request_over_limit', 'model_quota_exhausted'],
  upstream_request_too_large: ['context_length_exceeded'],
  upstream_unavailable: ['rate_limited', 'upstream_overloaded'],
}

/** A request larger than the whole limit is refused for ever: the provider says so, or its numbers do. */
function isNeverServed(refusal: Refusal, text: string): boolean {
  const numbers = /\blimit[: ]{1,2}(\d{1,12})\b.{0,60}\brequested[: ]{1,2}(\d{1,12})\b/i.exec(text)
  if (numbers) return Number(numbers[2]) > Number(numbers[1])
  return refusal.headers['x-should-retry'] === 'false' && refusal.headers['retry-after'] === undefined
}

function codeOfStatus(status: number, text: string): ErrorCode {
  if (isPage(text) && (status === 400 || status === 403 || status === 404)) return 'upstream_bad_response'
  if (status === 404) return codeOfNotFound(text)
  const exact = codesByStatus.get(status)
  if (exact !== undefined) return exact
  if (status >= 500) return 'upstream_error'
  if (status >= 400) return 'upstream_invalid_request'
  if (status >= 300) return 'upstream_redirect'
  return text.trim() === '' ? 'upstream_bad_response' : 'upstream_error'
}

const codesByStatus: ReadonlyMap<number, ErrorCode> = new Map([
  [304, 'upstream_bad_response'],
  [401, 'upstream_auth'],
  [402, 'insufficient_quota'],
  [403, 'upstream_forbidden'],
  [407, 'upstream_protocol'],
  [408, 'upstream_transient'],
  [409, 'upstream_transient'],
  [410, 'upstream_model_not_found'],
  [413, 'upstream_request_too_large'],
  [424, 'upstream_transient'],
  [425, 'upstream_transient'],
  [429, 'rate_limited'],
  [451, 'content_policy'],
  [498, 'rate_limited'],
  [499, 'upstream_transient'],
  [503, 'upstream_unavailable'],
  [504, 'upstream_gateway_timeout'],
  [524, 'upstream_gateway_timeout'],
  [529, 'upstream_overloaded'],
  [598, 'upstream_gateway_timeout'],
  [599, 'upstream_gateway_timeout'],
])

/** A 404 that speaks of a feature or of another thing than the model says nothing against the target. */
function codeOfNotFound(text: string): ErrorCode {
  const isAboutRequest =
    /not supported|that (?:can )?(?:support|handle)|\b(?:cache|file|thread|container|response|batch)\b.{0,80}not found|not found: (?:cache|file)|thread_not_found/i
  return isAboutRequest.test(text) ? 'upstream_invalid_request' : 'upstream_model_not_found'
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

function factsOf(refusal: Refusal, status: number, code: ErrorCode): ErrorFacts {
  const facts: Mutable<ErrorFacts> = {}
  if (refusal.status >= 300) facts.upstreamStatus = refusal.status
  else if (status >= 400) facts.upstreamStatus = status
  const upstreamType = refusal.code ?? refusal.type
  if (upstreamType) facts.upstreamType = bounded(sanitiseMessage(upstreamType), 100)
  const upstreamMessage = sanitiseMessage(refusal.message ?? '')
  if (upstreamMessage !== '') facts.upstreamMessage = upstreamMessage
  if (refusal.param) facts.param = bounded(refusal.param, 200)
  const waitMs = code === 'model_quota_exhausted' ? waitForQuota(refusal) : waitOf(refusal)
  if (waitMs !== undefined) facts.retryAfterMs = waitMs
  if (code === 'upstream_invalid_request' && (status === 422 || status === 404)) facts.status = status
  const shouldRetry = refusal.headers['x-should-retry']
  if (shouldRetry === 'false') facts.isClientRetryable = false
  if (shouldRetry === 'true' && !incurable.has(code)) facts.isClientRetryable = true
  return facts
}

/** No word of the provider makes these worth a client's retry: the operator has to act first. */
const incurable: ReadonlySet<ErrorCode> = new Set([
  'insufficient_quota',
  'model_quota_exhausted',
  'upstream_auth',
  'upstream_forbidden',
  'upstream_model_not_found',
  'request_over_limit',
])

/** Quotas last hours; the seconds that Gemini names beside a spent one are those of its rate limit. */
function waitForQuota(refusal: Refusal): number {
  return Math.max(waitOf(refusal) ?? 0, LIMITED_MAX_MS)
}

/** The header, else what the body named, else what the prose says ("try again in 5.289s"). */
function waitOf(refusal: Refusal): number | undefined {
  const { waitMs } = parseRetryAfter(refusal.headers)
  if (waitMs !== undefined) return waitMs
  if (refusal.retryAfterMs !== undefined) return refusal.retryAfterMs
  const said = /(?:try again|retry) (?:in|after) (\d[\dhms.]{0,20})(?: ?(seconds?|secs?|minutes?))?/i.exec(
    (refusal.message ?? '').slice(0, 8192),
  )
  if (said?.[1] === undefined) return undefined
  const number = said[1].replace(/\.$/, '')
  const unit = /^\d+(?:\.\d+)?$/.test(number) && said[2]?.toLowerCase().startsWith('min') ? 'm' : ''
  return parseDuration(number + unit)
}

/** Codes whose error is the client's to mend: the provider's own sentence tells it best. */
const toldByProvider: ReadonlySet<ErrorCode> = new Set([
  'upstream_invalid_request',
  'context_length_exceeded',
  'upstream_request_too_large',
  'content_policy',
  'request_over_limit',
])

const ownWords: Partial<Record<ErrorCode, string>> = {
  // Never the provider's words: they may echo a part of the operator's key.
  upstream_auth: 'The provider refused the credential of the gateway.',
  insufficient_quota: 'The account at the provider has no quota left.',
  model_quota_exhausted: 'The account at the provider has no quota left for this model.',
  upstream_forbidden: 'The provider does not let the credential of the gateway do this.',
  rate_limited: 'The provider limits the rate of requests.',
  upstream_model_not_found: 'The provider does not know or serve this model.',
  upstream_overloaded: 'The provider is overloaded.',
  upstream_unavailable: 'The provider is unavailable.',
  upstream_gateway_timeout: 'The provider ran out of time.',
  upstream_tool_use_failed: 'The provider refused the tool call its own model made.',
  upstream_redirect: 'The provider answered with a redirect, which is never followed.',
}

function messageOf(code: ErrorCode, status: number, upstreamMessage: string | undefined): string {
  if (upstreamMessage !== undefined && toldByProvider.has(code)) return upstreamMessage
  const own =
    ownWords[code] ?? `The provider answered with ${status >= 400 ? `status ${status}` : 'an error'}.`
  if (upstreamMessage === undefined || code === 'upstream_auth') return own
  return `${own} It said: ${bounded(upstreamMessage, UPSTREAM_PAGE_MAX)}`
}
