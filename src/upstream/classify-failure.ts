/**
 * Says what a broken exchange with a provider amounts to: nothing reached it, it may have run, or the answer broke off.
 * The phase decides; the code only chooses the words, except for certificates and for what is no HTTP.
 */

import type { ErrorCode } from '../errors/codes.ts'
import { type ErrorFacts, GatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import type { TransportFailure } from '../std/transport.ts'
import {
  BLOCKED_ADDRESS,
  CONNECT_TIMEOUT,
  INVALID_ORIGIN,
  NO_IPV6,
  shortages,
  TRANSPORT_CLOSED,
  UNEXPECTED_RESPONSE,
} from './transport-codes.ts'
import type { Limit } from './watch.ts'

export function classifyFailure(failure: TransportFailure, target: Target): GatewayError {
  const code = errorCodeOf(failure)
  const message = `${nameOf(target)} ${wordsOf(failure, code)} (${failure.code}).`
  return new GatewayError(code, message, factsOf(failure, code), failure.cause)
}

function factsOf(failure: TransportFailure, code: ErrorCode): ErrorFacts {
  return failure.isStaleConnection && code === 'upstream_reset' ? { isTransparent: true } : {}
}

/** A limit of the attempt passed. A refusal whose body never came is no timeout; it is classified by its status. */
export function classifyLimit(limit: Exclude<Limit, 'refusal-body'>, target: Target): GatewayError {
  if (limit === 'connect') return classifyFailure({ phase: 'connect', code: CONNECT_TIMEOUT }, target)
  return new GatewayError('upstream_timeout', `${nameOf(target)} ${limitWords(limit, target)}.`)
}

/** How messages call a target: by the provider's own name and by what the operator wrote; without a model, by the name. */
export function nameOf(target: Target): string {
  if (target.modelId === '') return target.provider.name
  return `${target.provider.name} (${target.id})`
}

function errorCodeOf({ phase, code }: TransportFailure): ErrorCode {
  if (phase === 'response') return 'upstream_truncated'
  if (code === TRANSPORT_CLOSED) return 'gateway_shutting_down'
  if (code === INVALID_ORIGIN || code.startsWith('UND_ERR_INVALID') || code === 'UND_ERR_NOT_SUPPORTED') {
    return 'gateway_error'
  }
  if (isTls(code)) return 'upstream_tls'
  if (phase === 'connect') {
    if (code === BLOCKED_ADDRESS) return 'blocked_address'
    return shortages.has(code) ? 'no_connection_free' : 'upstream_unreachable'
  }
  return isNoHttp(code) ? 'upstream_protocol' : 'upstream_reset'
}

/** OpenSSL's verification results carry no common prefix. */
function isTls(code: string): boolean {
  return (
    /^(?:ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERROR_IN_CERT_|ERROR_IN_CRL_)/.test(
      code,
    ) || /^(?:EPROTO|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH)$/.test(code)
  )
}

function isNoHttp(code: string): boolean {
  return (
    code.startsWith('HPE_') ||
    code === 'UND_ERR_HEADERS_OVERFLOW' ||
    code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' ||
    code === UNEXPECTED_RESPONSE
  )
}

function wordsOf(failure: TransportFailure, code: ErrorCode): string {
  switch (code) {
    case 'upstream_truncated':
      return 'broke off its answer'
    case 'gateway_shutting_down':
      return 'was not asked, since the gateway is shutting down'
    case 'gateway_error':
      return 'could not be asked: the request was not valid'
    case 'upstream_tls':
      return 'could not prove its identity over TLS'
    case 'blocked_address':
      return 'has an address that is never called: of a metadata service, or a local one for a name that is public'
    case 'no_connection_free':
      return `was not asked, since ${shortages.get(failure.code)}`
    case 'upstream_protocol':
      return 'did not answer in HTTP'
    case 'upstream_reset':
      return 'closed the connection before it answered'
    default:
      return unreachableWords(failure.code)
  }
}

function unreachableWords(code: string): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'refused the connection'
    case 'ENOTFOUND':
      return 'has a host name that does not exist'
    case 'EAI_AGAIN':
      return 'has a host name that could not be resolved'
    case NO_IPV6:
      return 'has an IPv6 address only, and this machine none to call it from'
    case CONNECT_TIMEOUT:
    case 'ETIMEDOUT':
      return 'could not be connected to in time'
    default:
      return 'could not be reached'
  }
}

function limitWords(limit: 'first-token' | 'idle' | 'rate', { timers }: Target): string {
  switch (limit) {
    case 'first-token':
      return `sent no content within ${timers.firstTokenMs / 1_000} s`
    case 'idle':
      return `fell silent for ${timers.idleMs / 1_000} s in the middle of its answer`
    case 'rate':
      return 'sent its answer too slowly to be waited for'
  }
}
