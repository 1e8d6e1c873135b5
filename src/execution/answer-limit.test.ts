import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { AnswerLimit } from './answer-limit.ts'

test('counts for itself where the provider says that it took no token at all', () => {
  const limit = new AnswerLimit({
    ask: { target: 'p/m', provider: 'p', inputTokensMax: 3_000, candidates: 1, isFree: false },
    reservation: {
      atLimit: 'error',
      isReachedBy: ({ inputTokens = 0 }) => inputTokens >= 1_000,
      error: () => new GatewayError('budget_exceeded', 'Held for no more.'),
    },
    ceilingTokens: 16,
    mayRepeatInput: false,
    costOf: () => undefined,
  })
  limit.note('word '.repeat(400))
  const zeros = { inputTokens: 0, outputTokens: 0 }
  expect(limit.usageSoFar(zeros)).toEqual(limit.usageSoFar(undefined))
  expect(limit.usageSoFar({ inputTokens: 7 }).inputTokens).toBe(7)
  expect(limit.isReachedBy({ usage: zeros, isComplete: false, error: undefined })).toBe(true)
})
