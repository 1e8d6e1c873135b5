import { describe, expect, test } from 'vitest'
import { fakeReply } from '../../test/support/fake-gateway.ts'
import { limitError } from '../admission/limit-errors.ts'
import type { BudgetStanding, LimitStanding } from '../admission/limit-standing.ts'
import type { DialectId } from '../canonical/envelope.ts'
import { type BudgetFacts, GatewayError } from '../errors/gateway-error.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import { limitSpellings, readLimit } from '../resilience/limit-headers.ts'
import { errorHeaders } from './answer-error.ts'
import { pushReplyHeaders } from './reply-headers.ts'

const wallMs = Date.UTC(2026, 10, 29, 18, 0, 0, 250)
const resetsAtMs = Date.UTC(2026, 10, 30)

const rates: LimitStanding = {
  wallMs,
  requests: { limit: 60, remaining: 59, resetMs: 1_200 },
  tokens: { limit: 100_000, remaining: 0, resetMs: 61_001 },
  inputTokens: { limit: 50_000, remaining: 49_000, resetMs: 1_000 },
  outputTokens: { limit: 8_000, remaining: 8_000, resetMs: 0 },
}

function budget(share: number, more: Partial<BudgetStanding> = {}): BudgetStanding {
  // Sound: whole numbers of nano-dollars.
  return {
    limitNanoUsd: 5_000_000_000 as NanoUsd,
    spentNanoUsd: Math.round(5e9 * share) as NanoUsd,
    resetsAtMs,
    ...more,
  }
}

function pairs(headers: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {}
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? ''
    // Twice would be two truths.
    expect(found).not.toHaveProperty([name])
    found[name] = headers[at + 1] ?? ''
  }
  return found
}

function onReply(dialect: DialectId, standing: LimitStanding, status = 200): Record<string, string> {
  const headers: string[] = []
  pushReplyHeaders(headers, fakeReply({ status }), { dialect, standing })
  return pairs(headers)
}

const limitsOnly = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => /ratelimit|budget/.test(name)))

describe('the limits of a caller', () => {
  test.each<DialectId>(['openai-chat', 'openai-responses', 'openai-completions'])(
    'are told to clients of %s as OpenAI does',
    (dialect) => {
      const expected = {
        'x-ratelimit-limit-requests': '60',
        'x-ratelimit-remaining-requests': '59',
        'x-ratelimit-reset-requests': '1.2s',
        'x-ratelimit-limit-tokens': '100000',
        'x-ratelimit-remaining-tokens': '0',
        'x-ratelimit-reset-tokens': '1m1.001s',
      }
      expect(limitsOnly(onReply(dialect, rates))).toEqual(expected)
      const error = new GatewayError('upstream_error', 'It broke.')
      expect(limitsOnly(pairs(errorHeaders(error, dialect, { standing: rates })))).toEqual(expected)
    },
  )

  test('are told to Anthropic’s clients as Anthropic does, with dates that are never too early', () => {
    const expected = {
      'anthropic-ratelimit-requests-limit': '60',
      'anthropic-ratelimit-requests-remaining': '59',
      'anthropic-ratelimit-requests-reset': '2026-11-29T18:00:02Z',
      'anthropic-ratelimit-tokens-limit': '100000',
      'anthropic-ratelimit-tokens-remaining': '0',
      'anthropic-ratelimit-tokens-reset': '2026-11-29T18:01:02Z',
      'anthropic-ratelimit-input-tokens-limit': '50000',
      'anthropic-ratelimit-input-tokens-remaining': '49000',
      'anthropic-ratelimit-input-tokens-reset': '2026-11-29T18:00:02Z',
      'anthropic-ratelimit-output-tokens-limit': '8000',
      'anthropic-ratelimit-output-tokens-remaining': '8000',
      'anthropic-ratelimit-output-tokens-reset': '2026-11-29T18:00:01Z',
    }
    expect(limitsOnly(onReply('anthropic-messages', rates))).toEqual(expected)
    const error = new GatewayError('invalid_request', 'No.')
    expect(limitsOnly(pairs(errorHeaders(error, 'anthropic-messages', { standing: rates })))).toEqual(
      expected,
    )
  })

  test('of tokens are told by the one with the least share left, whichever tokens it counts', () => {
    const tokens = { limit: 100_000, remaining: 50_000, resetMs: 30_000 }
    const inputTokens = { limit: 50_000, remaining: 20_000, resetMs: 36_000 }
    const outputTokens = { limit: 8_000, remaining: 6_000, resetMs: 15_000 }
    const closed = { limit: 0, remaining: 0, resetMs: 0 }
    for (const [standing, limit, remaining] of [
      [{ inputTokens }, '50000', '20000'],
      [{ outputTokens }, '8000', '6000'],
      [{ inputTokens, outputTokens }, '50000', '20000'],
      [{ tokens, inputTokens, outputTokens }, '50000', '20000'],
      [{ tokens, outputTokens }, '100000', '50000'],
      [{ tokens, inputTokens: { ...inputTokens, remaining: 25_000 } }, '100000', '50000'],
      [{ tokens, outputTokens: closed }, '0', '0'],
    ] as const) {
      const openai = onReply('openai-chat', { wallMs, ...standing })
      expect(openai).toMatchObject({
        'x-ratelimit-limit-tokens': limit,
        'x-ratelimit-remaining-tokens': remaining,
      })
      const anthropic = onReply('anthropic-messages', { wallMs, ...standing })
      expect(anthropic).toMatchObject({
        'anthropic-ratelimit-tokens-limit': limit,
        'anthropic-ratelimit-tokens-remaining': remaining,
      })
      // Its own words for input and output tell of these alone.
      expect(anthropic['anthropic-ratelimit-input-tokens-limit'] !== undefined).toBe(
        'inputTokens' in standing,
      )
      expect(anthropic['anthropic-ratelimit-output-tokens-limit'] !== undefined).toBe(
        'outputTokens' in standing,
      )
    }
    expect(onReply('openai-chat', { wallMs, inputTokens })['x-ratelimit-reset-tokens']).toBe('36s')
    expect(onReply('openai-chat', { wallMs })).not.toHaveProperty('x-ratelimit-limit-tokens')
  })

  test('have no headers in Google’s dialect', () => {
    expect(limitsOnly(onReply('gemini', rates))).toEqual({})
  })

  test('that it does not have are not told, and nothing is where none are known', () => {
    expect(limitsOnly(onReply('openai-chat', { wallMs }))).toEqual({})
    const headers: string[] = []
    pushReplyHeaders(headers, fakeReply({}))
    expect(limitsOnly(pairs(headers))).toEqual({})
    expect(errorHeaders(new GatewayError('invalid_request', 'No.'))).toEqual(['x-should-retry', 'false'])
  })

  test('are understood by a gateway in front of this one', () => {
    for (const dialect of ['openai-chat', 'anthropic-messages'] as const) {
      const headers = onReply(dialect, rates)
      const read = limitSpellings.flatMap((spelling) => {
        const reading = readLimit(headers, spelling, wallMs)
        return reading === undefined ? [] : [reading]
      })
      expect(read[0]).toMatchObject({ limit: 60, remaining: 59 })
      expect(read[0]?.resetMs).toBeGreaterThanOrEqual(1_200)
      expect(read[0]?.resetMs).toBeLessThanOrEqual(2_200)
      expect(read[1]).toMatchObject({ limit: 100_000, remaining: 0 })
      expect(read[1]?.resetMs).toBeGreaterThanOrEqual(61_001)
    }
  })

  test.each([
    [0, '0ms'],
    [0.2, '1ms'],
    [999, '999ms'],
    [1_000, '1s'],
    [59_999.5, '1m0s'],
    [3_600_000, '60m0s'],
  ])('come back in %d ms, said as %s', (resetMs, said) => {
    const standing = { wallMs, requests: { limit: 1, remaining: 0, resetMs } }
    expect(onReply('openai-chat', standing)['x-ratelimit-reset-requests']).toBe(said)
  })
})

describe('what is left of budgets', () => {
  test('is told in every dialect, on errors too: of the one with least left', () => {
    const budgets = [budget(0.5), budget(0.1, { limitNanoUsd: 700_000_041 as NanoUsd }), budget(0.2)]
    for (const dialect of ['openai-chat', 'anthropic-messages', 'gemini'] as const) {
      const standing = { wallMs, budgets }
      expect(onReply(dialect, standing)['x-holdfast-budget-remaining-usd']).toBe('0.200000041')
      const headers = pairs(
        errorHeaders(new GatewayError('upstream_error', 'It broke.'), dialect, { standing }),
      )
      expect(headers['x-holdfast-budget-remaining-usd']).toBe('0.200000041')
    }
  })

  test('is never less than nothing', () => {
    const standing = { wallMs, budgets: [budget(1.2)] }
    expect(onReply('openai-chat', standing)['x-holdfast-budget-remaining-usd']).toBe('0')
  })
})

describe("Claude Code's notice of a budget", () => {
  const unified = (headers: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(headers)
        .filter(([name]) => name.includes('-unified-'))
        .map(([name, value]) => [name.replace('anthropic-ratelimit-unified-', ''), value]),
    )
  const notice = (...budgets: readonly BudgetStanding[]) =>
    unified(onReply('anthropic-messages', { wallMs, budgets }))
  const reset = String(resetsAtMs / 1_000)

  test('is made past three quarters, with the names of its contract', () => {
    expect(notice(budget(0.82))).toEqual({
      status: 'allowed_warning',
      'representative-claim': 'overage',
      'overage-status': 'allowed_warning',
      'overage-utilization': '0.82',
      'overage-surpassed-threshold': '0.75',
      reset,
      'overage-reset': reset,
    })
  })

  test.each([
    [0, 'allowed', '0', undefined],
    [0.7499, 'allowed', '0.75', undefined],
    [0.75, 'allowed_warning', '0.75', '0.75'],
    [0.95, 'allowed_warning', '0.95', '0.95'],
    [0.999, 'allowed_warning', '0.99', '0.95'],
    [1.5, 'allowed_warning', '0.99', '0.95'],
  ])('at %d used is %s', (share, status, utilization, threshold) => {
    const told = notice(budget(share))
    expect(told).toMatchObject({ status, 'overage-status': status, 'overage-utilization': utilization })
    expect(told['overage-surpassed-threshold']).toBe(threshold)
  })

  test('is of the fullest budget, and without a date where that never resets', () => {
    const { resetsAtMs: _reset, ...total } = budget(0.96)
    const told = notice(budget(0.1), total, budget(0.8))
    expect(told).toMatchObject({ 'overage-utilization': '0.96' })
    expect(told).not.toHaveProperty('reset')
  })

  test('is for Anthropic’s clients with a budget, and nobody else', () => {
    expect(notice()).toEqual({})
    expect(unified(onReply('openai-chat', { wallMs, budgets: [budget(0.9)] }))).toEqual({})
  })

  test('stands on no error: on a 429 it would replace our message', () => {
    const standing = { wallMs, budgets: [budget(0.9)] }
    expect(unified(onReply('anthropic-messages', standing, 429))).toEqual({})
    const error = new GatewayError('rate_limited', 'Slow down.')
    expect(unified(pairs(errorHeaders(error, 'anthropic-messages', { standing })))).toEqual({})
  })

  const spent: BudgetFacts = {
    name: 'laptop',
    scopeKind: 'key',
    period: 'week',
    limitNanoUsd: 5e9,
    spentNanoUsd: 5e9,
    resetsAtMs,
    resetsInMs: 21_599_750,
  }

  test('of a spent one is a refusal without the claim that would hide our message', () => {
    const error = new GatewayError('budget_exceeded', 'Spent.', { budget: spent })
    const headers = pairs(
      errorHeaders(error, 'anthropic-messages', { standing: { wallMs, budgets: [budget(1)] } }),
    )
    expect(unified(headers)).toEqual({
      status: 'rejected',
      'overage-utilization': '1',
      'overage-surpassed-threshold': '1',
      'overage-disabled-reason': 'org_spend_cap_reached',
      'overage-period': 'weekly',
      reset,
      'overage-reset': reset,
    })
    expect(headers).toMatchObject({ 'x-should-retry': 'false', 'retry-after': '21600' })
  })
})

describe('how long to wait', () => {
  const facts: BudgetFacts = {
    name: 'laptop',
    scopeKind: 'key',
    period: 'month',
    limitNanoUsd: 1,
    spentNanoUsd: 1,
  }

  test('for a spent budget is the time to its reset, however long; for one that never resets nothing', () => {
    const monthly = { ...facts, resetsAtMs, resetsInMs: 30 * 86_400_000 - 1 }
    const month = pairs(
      errorHeaders(new GatewayError('budget_exceeded', 'Spent.', { budget: monthly }), 'openai-chat'),
    )
    expect(month).toEqual({ 'x-should-retry': 'false', 'retry-after': '2592000' })
    const over = { ...monthly, resetsInMs: 0 }
    expect(errorHeaders(new GatewayError('budget_exceeded', 'Spent.', { budget: over }))).toContain('1')
    const total: BudgetFacts = { ...facts, period: 'total' }
    expect(
      pairs(errorHeaders(new GatewayError('budget_exceeded', 'Spent.', { budget: total }), 'gemini')),
    ).toEqual({
      'x-should-retry': 'false',
    })
  })

  test('for a limit is told in seconds and in milliseconds, with leave to try again', () => {
    const refusal = {
      type: 'refused',
      kind: 'requests',
      of: 'key',
      limit: 60,
      remaining: 0,
      needed: 1,
    } as const
    expect(pairs(errorHeaders(limitError({ ...refusal, waitMs: 1_201 }), 'openai-chat'))).toEqual({
      'x-should-retry': 'true',
      'retry-after': '2',
      'retry-after-ms': '1201',
    })
    expect(pairs(errorHeaders(limitError(refusal), 'openai-chat'))).toEqual({ 'x-should-retry': 'false' })
  })
})
