/**
 * What goes onto the wire for one attempt: an address made of the provider's base URL and a path of ours, and exactly
 * the headers listed here. Nothing a client sends can reach the address (SEC-1), and its key never travels (SEC-24).
 */

import type { TargetDialectId } from '../canonical/envelope.ts'
import type { StreamFraming, TargetDialect } from '../dialects/dialect.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Provider, Target } from '../providers/provider.ts'
import type { TransportRequest } from '../std/transport.ts'
import type { UpstreamRequest } from './attempt.ts'

/** Headers that are never taken over from whoever asks: credentials, and what belongs to one connection. */
const NEVER_SENT = new Set([
  'authorization',
  'x-api-key',
  'api-key',
  'x-goog-api-key',
  'cookie',
  'host',
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'content-length',
  'content-encoding',
  'forwarded',
  'via',
])
const NEVER_SENT_PREFIXES = ['x-forwarded-', 'x-holdfast-', 'proxy-']

/** A character no header value may carry: line breaks, NUL and other controls, and what is not Latin-1 (SEC-32). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about.
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/

/**
 * Printable ASCII from one slash on; no fragment, backslash or dot segment, encoded or not: a proxy before the provider
 * may decode what stands in a model's name, and slashes do (`models/a%2F..%2Fb`).
 */
const PATH = /^\/[!"$-[\]-~]*$/
const DOT_SEGMENT = /(?:\/|%2f|%5c)(?:\.|%2e){1,2}(?:[/?;]|%2f|%5c|$)/i
const ENCODED_CONTROL = /%(?:[01][0-9a-f]|7f)/i

interface Address {
  readonly origin: string
  readonly prefix: string
}

interface Prepared extends Address {
  /** What every request of the target carries above them: the provider's own headers, ours, the credential. */
  readonly fixed: Readonly<Record<string, string>>
}

export type RequestWriter = (request: UpstreamRequest) => TransportRequest

/** Prepares what is the same for every request of a target once. */
export function createRequestWriter(
  userAgent: string,
  dialects: ReadonlyMap<TargetDialectId, TargetDialect>,
): RequestWriter {
  const preparedByTarget = new WeakMap<Target, Prepared>()

  const prepare = (target: Target): Prepared => {
    const { provider } = target
    const own = { ...provider.headers, 'accept-encoding': 'identity' }
    assertSendable('user-agent', userAgent, provider)
    for (const [name, value] of Object.entries(own)) assertSendable(name, value, provider)
    const prepared = { ...addressOf(provider), fixed: { ...own, ...credentialHeader(target) } }
    preparedByTarget.set(target, prepared)
    return prepared
  }

  return (request) => {
    const { target, method, body } = request
    const { origin, prefix, fixed } = preparedByTarget.get(target) ?? prepare(target)
    assertPath(request.path)
    const dialect = request.dialect ?? dialects.get(target.provider.dialect)
    // Ours, unless a dialect lets the client say who it is (Claude Code's gateway contract).
    const headers: Record<string, string> = { ...dialect?.requestHeaders, 'user-agent': userAgent }
    takeOver(headers, request.headers)
    headers['accept'] = acceptOf(
      request.stream ? (dialect?.streamFraming ?? 'sse') : (request.answers ?? 'json'),
    )
    if (body) headers['content-type'] = request.contentType ?? 'application/json'
    if (body && !(body instanceof Uint8Array)) headers['content-length'] = String(body.length)
    Object.assign(headers, fixed)
    const sent = { origin, path: prefix + request.path, method, headers, connectMs: target.timers.connectMs }
    return body ? { ...sent, body } : sent
  }
}

function acceptOf(framing: StreamFraming | 'json' | 'any'): string {
  switch (framing) {
    case 'sse':
      return 'text/event-stream, application/json'
    case 'ndjson':
      return 'application/x-ndjson, application/json'
    case 'eventstream':
      return 'application/vnd.amazon.eventstream, application/json'
    case 'json':
      return 'application/json'
    case 'any':
      return '*/*'
  }
}

function addressOf(provider: Provider): Address {
  const url = URL.parse(provider.baseUrl)
  const isUsable =
    url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash
  if (!isUsable) {
    throw new GatewayError(
      'gateway_error',
      `The base URL of the provider ${provider.id} must be an http or https URL without credentials, query or fragment.`,
    )
  }
  return { origin: url.origin, prefix: url.pathname.replace(/\/+$/, '') }
}

function credentialHeader({ provider, credential }: Target): Readonly<Record<string, string>> {
  if (provider.auth.kind !== 'header' || !credential) return {}
  const value = provider.auth.prefix + credential.reveal()
  if (UNSENDABLE.test(value)) {
    throw new GatewayError(
      'upstream_auth',
      `The credential ${String(credential)} of ${provider.name} holds a character that no header can carry; is there a line break in it?`,
    )
  }
  return { [provider.auth.header]: value }
}

function takeOver(headers: Record<string, string>, offered: Readonly<Record<string, string>>): void {
  for (const name in offered) {
    const value = offered[name]
    if (value === undefined || NEVER_SENT.has(name)) continue
    if (NEVER_SENT_PREFIXES.some((prefix) => name.startsWith(prefix))) continue
    if (UNSENDABLE.test(value)) {
      throw new GatewayError(
        'invalid_request',
        `The header ${name} holds a character that no header can carry.`,
        {
          param: name,
        },
      )
    }
    headers[name] = value
  }
}

function assertSendable(name: string, value: string, provider: Provider): void {
  if (!UNSENDABLE.test(value)) return
  throw new GatewayError(
    'gateway_error',
    `The header ${name} configured for ${provider.name} holds a character that no header can carry.`,
  )
}

function assertPath(path: string): void {
  if (PATH.test(path) && !DOT_SEGMENT.test(path) && !ENCODED_CONTROL.test(path)) return
  throw new GatewayError('invalid_request', 'The model name cannot be part of an address.', {
    param: 'model',
  })
}
