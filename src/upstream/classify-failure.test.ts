import { describe, expect, test } from 'vitest'
import { classifyFailure } from './classify-failure.ts'
import { wallTarget } from './wall.ts'

const target = wallTarget('http://wall.test')

describe('a broken exchange', () => {
  test.each([
    ['connect', 'ECONNREFUSED', 'upstream_unreachable'],
    ['connect', 'ENOTFOUND', 'upstream_unreachable'],
    ['connect', 'EAI_AGAIN', 'upstream_unreachable'],
    ['connect', 'ETIMEDOUT', 'upstream_unreachable'],
    ['connect', 'EHOSTUNREACH', 'upstream_unreachable'],
    ['connect', 'ECONNRESET', 'upstream_unreachable'],
    ['connect', 'EMFILE', 'no_connection_free'],
    ['connect', 'EADDRNOTAVAIL', 'no_connection_free'],
    ['connect', 'ENOBUFS', 'no_connection_free'],
    ['connect', 'HOLDFAST_NO_CONNECTION_FREE', 'no_connection_free'],
    ['request', 'EADDRNOTAVAIL', 'upstream_reset'],
    ['connect', 'HOLDFAST_BLOCKED_ADDRESS', 'blocked_address'],
    ['connect', 'HOLDFAST_TRANSPORT_CLOSED', 'gateway_shutting_down'],
    ['connect', 'HOLDFAST_INVALID_ORIGIN', 'gateway_error'],
    ['connect', 'UND_ERR_INVALID_ARG', 'gateway_error'],
    ['connect', 'CERT_HAS_EXPIRED', 'upstream_tls'],
    ['connect', 'SELF_SIGNED_CERT_IN_CHAIN', 'upstream_tls'],
    ['connect', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'upstream_tls'],
    ['connect', 'ERR_TLS_CERT_ALTNAME_INVALID', 'upstream_tls'],
    ['connect', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'upstream_tls'],
    ['connect', 'EPROTO', 'upstream_tls'],
    ['request', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'upstream_tls'],
    ['request', 'ECONNRESET', 'upstream_reset'],
    ['request', 'EPIPE', 'upstream_reset'],
    ['request', 'UND_ERR_SOCKET', 'upstream_reset'],
    ['request', 'SomethingNew', 'upstream_reset'],
    ['request', 'HPE_INVALID_CONSTANT', 'upstream_protocol'],
    ['request', 'UND_ERR_HEADERS_OVERFLOW', 'upstream_protocol'],
    ['request', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'upstream_protocol'],
    ['response', 'ECONNRESET', 'upstream_truncated'],
    ['response', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'upstream_truncated'],
    ['response', 'HPE_INVALID_CHUNK_SIZE', 'upstream_truncated'],
  ] as const)('in the %s phase with %s is %s', (phase, code, expected) => {
    const error = classifyFailure({ phase, code }, target)
    expect(error.code).toBe(expected)
    expect(error.message).toMatch(/^Wall \(wall\/brick\) [a-z].* \([\w]+\)\.$/)
  })

  test('fault 12: a stale connection makes the retry free, and only that', () => {
    const stale = classifyFailure({ phase: 'request', code: 'ECONNRESET', isStaleConnection: true }, target)
    expect(stale.facts.isTransparent).toBe(true)
    const noHttp = classifyFailure({ phase: 'request', code: 'HPE_INVALID', isStaleConnection: true }, target)
    expect(noHttp.facts.isTransparent).toBeUndefined()
  })

  test('keeps its cause', () => {
    const cause = new Error('why')
    expect(classifyFailure({ phase: 'connect', code: 'X', cause }, target).cause).toBe(cause)
  })
})
