/** What official SDKs make of a refusal by a budget or a limit: which error they raise, and whether they come again. */

import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { limitError } from '../admission/limit-errors.ts'
import { budgetError } from '../ledger/spend-errors.ts'
import { dialects } from '../dialects/index.ts'
import type { DialectId } from '../canonical/envelope.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { Budget, BudgetId } from '../ledger/budget.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import { errorBody, errorHeaders } from './answer-error.ts'

const resetsAtMs = Date.UTC(2026, 10, 30)
const budget: Budget = {
  // Sound: values made here.
  id: 'bud_1' as BudgetId,
  limitNanoUsd: 10_000_000 as NanoUsd,
  name: 'laptop',
  scope: { kind: 'key', id: 'key_1' },
  period: 'day',
  owner: 'ada@example.com',
  createdAtMs: 0,
}
const spent = budgetError(
  // Sound: as above.
  { budget, spentNanoUsd: 10_000_000 as NanoUsd, resetsAtMs },
  resetsAtMs - 37_800_000,
)
const limited = limitError({
  type: 'refused',
  kind: 'requests',
  of: 'key',
  limit: 60,
  remaining: 0,
  needed: 1,
  waitMs: 20,
})

/** Answers every request with this error, as a client of the dialect reads it, and counts them. */
function refuse(id: DialectId, error: GatewayError) {
  const dialect = dialects.get(id)
  if (dialect === undefined) throw new Error(`no dialect ${id}`)
  const headers = new Headers({ 'content-type': 'application/json' })
  const told = errorHeaders(error, id)
  for (let at = 0; at < told.length; at += 2) headers.append(told[at] ?? '', told[at + 1] ?? '')
  const body = errorBody('req_1', dialect, error)
  let calls = 0
  return {
    calls: () => calls,
    fetch: async () => {
      calls += 1
      return new Response(body, { status: error.status, headers })
    },
  }
}

async function raised(ask: () => PromiseLike<unknown>): Promise<unknown> {
  try {
    await ask()
  } catch (error) {
    return error
  }
  throw new Error('nothing was raised')
}

function openai(refusal: ReturnType<typeof refuse>) {
  return new OpenAI({ apiKey: 'key', baseURL: 'http://gateway.invalid/v1', fetch: refusal.fetch })
}

describe('fault 117: a spent budget', () => {
  const words = /used up: \$0\.01 of \$0\.01 a day.*2026-11-30T00:00:00Z or ask ada@example\.com/

  test("is read by OpenAI's SDK for chats and for responses, once", async () => {
    for (const id of ['openai-chat', 'openai-responses'] as const) {
      const refusal = refuse(id, spent)
      const sdk = openai(refusal)
      const error = await raised(() =>
        id === 'openai-chat'
          ? sdk.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'hi' }] })
          : sdk.responses.create({ model: 'm', input: 'hi' }),
      )
      expect(error).toBeInstanceOf(OpenAI.RateLimitError)
      expect(error).toMatchObject({ status: 429, code: 'budget_exceeded', type: 'insufficient_quota' })
      expect(String(error)).toMatch(words)
      expect(refusal.calls()).toBe(1)
    }
  })

  test("is read by Anthropic's SDK, once", async () => {
    const refusal = refuse('anthropic-messages', spent)
    const sdk = new Anthropic({ apiKey: 'key', baseURL: 'http://gateway.invalid', fetch: refusal.fetch })
    const error = await raised(() =>
      sdk.messages.create({ model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'hi' }] }),
    )
    expect(error).toMatchObject({
      status: 429,
      error: { error: { type: 'billing_error', message: expect.stringMatching(words) } },
    })
    expect(refusal.calls()).toBe(1)
  })
})

test('a limit of the key is waited for and asked again', async () => {
  const refusal = refuse('openai-chat', limited)
  const error = await raised(() =>
    openai(refusal).chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
  )
  expect(error).toMatchObject({ status: 429, code: 'rate_limit_exceeded', type: 'rate_limit_error' })
  expect(refusal.calls()).toBe(3)
})
