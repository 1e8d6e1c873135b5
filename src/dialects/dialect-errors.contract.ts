/** What every dialect must make of errors: a part of its contract (dialect.contract.ts). */

import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Dialect } from './dialect.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

export function describeErrors(dialect: Dialect): void {
  const context = { requestId: 'req_1', attempts: [{ target: 'p/m', status: 503, code: 'x', durationMs: 3 }] }

  test('every status is classified, with any body', () => {
    for (const body of [
      '',
      '{',
      'null',
      '[]',
      '"no"',
      '<html><title>x</title>',
      '{"error":{}}',
      'a\u0000b',
    ]) {
      for (let status = 400; status < 600; status += 1) {
        const error = dialect.readError({ status, headers: {}, body: bytesOf(body) })
        expect(error.code).not.toBe('gateway_error')
        expect(error.message).not.toMatch(/[<>]|\p{Cc}/u)
      }
    }
  })

  test('an error says what, who and what next', () => {
    const error = new GatewayError('rate_limited', 'Slower, "please".', { retryAfterMs: 1500 })
    const text = dialect.writeError(error, context)
    expect(JSON.parse(text)).toMatchObject({
      error: {
        message: 'Slower, "please".',
        holdfast: { type: 'rate_limited', retryable: true, retry_after_ms: 1500, request_id: 'req_1' },
      },
    })
  })

  test('an error inside a stream is read as an error, with no terminal after it', () => {
    const error = new GatewayError('upstream_overloaded', 'Busy.')
    const reader = dialect.createStreamReader()
    const events = [...reader.read(bytesOf(dialect.writeStreamError(error, context))), ...reader.end()]
    expect(events.map(({ type }) => type)).toContain('error')
    expect(reader.isComplete).toBe(false)
    expect(reader.isTerminated).toBe(false)
  })
}
