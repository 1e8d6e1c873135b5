/** What every dialect must make of errors: a part of its contract (dialect.contract.ts). */

import { expect, test } from 'vitest'
import { type ErrorCode, errorCodes } from '../errors/codes.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Dialect } from './dialect.ts'

/** What all dialects tell of an error; Google's say `status` where the others say `type`. */
interface Told {
  readonly type?: string
  readonly status?: string
  readonly holdfast: { readonly type: string; readonly budget?: object }
}

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

  test('an error that knows a better next step than its row tells that one', () => {
    const error = new GatewayError('budget_exceeded', 'Spent.', { nextStep: 'Ask for more.' })
    expect(JSON.parse(dialect.writeError(error, context))).toMatchObject({
      error: { holdfast: { next_step: 'Ask for more.' } },
    })
  })

  test('every code has a kind, a status and our own name for it', () => {
    for (const code of Object.keys(errorCodes)) {
      // Object.keys widens the keys of the table to string.
      const error = new GatewayError(code as ErrorCode, 'Message.')
      const { error: told } = JSON.parse(dialect.writeError(error, context)) as { error: Told }
      expect([code, told.type ?? told.status]).toEqual([code, expect.stringMatching(/^[A-Za-z_]+$/)])
      expect(told.holdfast.type).toBe(code)
    }
  })

  test('a refusal about money tells the facts of its budget, exactly and only those there are', () => {
    const budget = {
      name: 'laptop',
      scopeKind: 'key',
      period: 'day',
      limitNanoUsd: 5e9,
      spentNanoUsd: 41,
    } as const
    const facts = { ...budget, neededNanoUsd: 1, resetsAtMs: 0, resetsInMs: 9, owner: 'ada' }
    const shared = { name: 'laptop', scope: 'key', period: 'day', limit_usd: '5', spent_usd: '0.000000041' }
    const told = (error: GatewayError) =>
      (JSON.parse(dialect.writeError(error, context)) as { error: Told }).error.holdfast
    expect(told(new GatewayError('budget_exceeded', 'Spent.', { budget })).budget).toEqual(shared)
    expect(told(new GatewayError('budget_exceeded', 'Spent.', { budget: facts })).budget).toEqual({
      ...shared,
      needed_usd: '0.000000001',
      resets_at: '1970-01-01T00:00:00.000Z',
      owner: 'ada',
    })
  })

  test('a refusal by a limit tells which, whose and how much is left', () => {
    const limit = { kind: 'tokens', of: 'project', limit: 1000, remaining: 2, needed: 30 } as const
    const error = new GatewayError('key_rate_limited', 'Slower.', { limit, retryAfterMs: 1_680 })
    expect(JSON.parse(dialect.writeError(error, context))).toMatchObject({
      error: { holdfast: { type: 'key_rate_limited', retryable: true, retry_after_ms: 1_680, limit } },
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
