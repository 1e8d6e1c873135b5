/**
 * Takes secrets out of texts that come from providers, before anybody sees them: the live secrets in every form they
 * may be echoed in, and whatever looks like a secret of somebody (SEC-22, fault 38). Linear in the length of the text.
 */

import { type ErrorFacts, GatewayError } from '../errors/gateway-error.ts'
import type { Secret } from '../std/secret.ts'

/** Shorter "secrets" are the placeholders of local servers ("ollama"): taken out, they would only garble texts. */
export const SECRET_LENGTH_MIN = 8
/** Characters of an error's message that are kept. */
export const ERROR_MESSAGE_MAX = 2_000

export interface Redactor {
  redact(text: string): string
  /** Takes the place of the secrets known so far: the configuration was loaded anew. */
  update(secrets: readonly Secret[]): void
}

interface Form {
  readonly text: string
  readonly sign: string
}

/**
 * `hosts` are the addresses of providers: where they stand in a private network is nobody's business (fault 38). They
 * hold for good, secrets until the next update.
 */
export function createRedactor(secrets: readonly Secret[] = [], hosts: readonly string[] = []): Redactor {
  const hostForms = [...new Set(hosts)].filter(isTelling).map((text) => ({ text, sign: '[host]' }))
  let forms = formsOf(secrets)
  return {
    redact(text) {
      let redacted = text
      for (const { text: form, sign } of [...forms, ...hostForms]) {
        if (redacted.includes(form)) redacted = redacted.replaceAll(form, sign)
      }
      for (const { pattern, sign } of patterns) redacted = redacted.replace(pattern, sign)
      return redacted
    },
    update(next) {
      forms = formsOf(next)
    },
  }
}

/** An error made of a provider's words, with what it says redacted and bounded. Its cause is dropped: it holds the same words. */
export function redactError(error: GatewayError, redactor: Redactor): GatewayError {
  const { upstreamMessage, upstreamType, param, details, ...facts } = error.facts
  const redacted: { -readonly [Key in keyof ErrorFacts]: ErrorFacts[Key] } = facts
  if (upstreamMessage !== undefined) redacted.upstreamMessage = bounded(redactor.redact(upstreamMessage))
  if (upstreamType !== undefined) redacted.upstreamType = redactor.redact(upstreamType)
  if (param !== undefined) redacted.param = redactor.redact(param)
  if (details !== undefined) redacted.details = redactDetails(details, redactor)
  return new GatewayError(
    error.code,
    bounded(redactor.redact(error.message)),
    redacted,
    undefined,
    error.attempts,
  )
}

function redactDetails(
  details: NonNullable<ErrorFacts['details']>,
  redactor: Redactor,
): NonNullable<ErrorFacts['details']> {
  const json = JSON.stringify(details)
  const redacted = redactor.redact(json)
  if (redacted === json) return details
  try {
    return JSON.parse(redacted)
  } catch {
    // The redaction took a quote with it: better no details than a secret.
    return {}
  }
}

function bounded(text: string): string {
  return text.length <= ERROR_MESSAGE_MAX ? text : `${text.slice(0, ERROR_MESSAGE_MAX - 1)}…`
}

/** A bare word ("localhost") gives nothing away, and taken out would only garble texts. */
function isTelling(host: string): boolean {
  return host.includes('.') || host.includes(':')
}

/** Longest first, so that no form is cut by a shorter one inside it. */
function formsOf(secrets: readonly Secret[]): readonly Form[] {
  const signs = new Map<string, string>()
  for (const secret of secrets) {
    for (const text of spellingsOf(secret.reveal())) signs.set(text, String(secret))
  }
  return [...signs]
    .map(([text, sign]) => ({ text, sign }))
    .sort((left, right) => right.text.length - left.text.length)
}

function spellingsOf(value: string): readonly string[] {
  if (value.length < SECRET_LENGTH_MIN) return []
  const url = encodeURIComponent(value)
  const lowerUrl = url.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())
  return [value, url, lowerUrl, JSON.stringify(value).slice(1, -1), ...base64Of(value)]
}

/** Base64 of the value wherever it stands in a longer text ("Basic user:key"): the characters that only it decides. */
function base64Of(value: string): readonly string[] {
  const bytes = Buffer.from(value)
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replaceAll('=', '')
    const isWholeEnd = (offset + bytes.length) % 3 === 0
    const inner = encoded.slice(Math.ceil((offset * 4) / 3), isWholeEnd ? undefined : -1)
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')]
  })
}

interface Pattern {
  readonly pattern: RegExp
  readonly sign: string
}

/** Each consumes the run it begins in, or fails within a bounded number of characters: linear time. */
const patterns: readonly Pattern[] = [
  { pattern: /\b(Bearer|Basic)[ \t]{1,8}[A-Za-z0-9._~+/*-]{16,}={0,2}/gi, sign: '$1 [redacted]' },
  {
    pattern:
      /\b(x-api-key|api[-_]?key|x-goog-api-key|authorization|access[-_]token|client[-_]secret)(["']?[ \t]{0,4}[:=][ \t]{0,4}["']?)(?!bearer|basic|\[)[^\s"',;&}]{6,}/gi,
    sign: '$1$2[redacted]',
  },
  { pattern: /([?&](?:key|token|sig|signature)=)[^\s"'&]{6,}/gi, sign: '$1[redacted]' },
  { pattern: /\b(?:sk|pk|rk|csk)-[A-Za-z0-9_*-]{8,}/g, sign: '[redacted]' },
  { pattern: /\b(?:gsk|hf|r8|fw|tgp|gh[opsur]|github_pat)_[A-Za-z0-9_*]{12,}/g, sign: '[redacted]' },
  { pattern: /\b(?:xai|pplx|nvapi)-[A-Za-z0-9_*-]{12,}/g, sign: '[redacted]' },
  { pattern: /\bAIza[A-Za-z0-9_*-]{8,}/g, sign: '[redacted]' },
  { pattern: /\bya29\.[A-Za-z0-9_*-]{12,}/g, sign: '[redacted]' },
  { pattern: /\b(?:AKIA|ASIA)[A-Z0-9*]{8,}/g, sign: '[redacted]' },
  { pattern: /\beyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]{4,}){0,4}/g, sign: '[redacted]' },
  { pattern: /\b(org|proj)[-_][A-Za-z0-9]{12,}/g, sign: '$1-[redacted]' },
]
