import { describe, expect, test } from 'vitest'
import { limitError, NO_ROOM_WAIT_MS } from './limit-errors.ts'
import type { LimitRefusal } from './limit-terms.ts'

const spent: LimitRefusal = {
  type: 'refused',
  kind: 'tokens',
  of: 'project',
  limit: 1_000,
  remaining: 120,
  needed: 300,
  waitMs: 10_801,
}

describe('a refusal by a limit', () => {
  test.each<[string, Partial<LimitRefusal>, string]>([
    [
      'of tokens',
      {},
      'This project may use 1000 tokens a minute, 120 of them are left, and this request takes up to 300: try again in 10.9 s.',
    ],
    [
      'of requests',
      { kind: 'requests', of: 'key', limit: 60, remaining: 0, needed: 1, waitMs: 1_000 },
      'This key may use 60 requests a minute, none is left: try again in 1 s.',
    ],
    [
      'of requests under way',
      { kind: 'concurrent-requests', of: 'key', limit: 1, remaining: 0, needed: 1, waitMs: 1_000 },
      'This key may have 1 request under way at one time, and has: try again when one is over.',
    ],
  ])('%s says whose limit it is, what is left and when to come again', (_kind, more, message) => {
    const refusal = { ...spent, ...more }
    const error = limitError(refusal)
    expect(error).toMatchObject({ code: 'key_rate_limited', status: 429, isClientRetryable: true, message })
    expect(error.facts).toEqual({
      retryAfterMs: refusal.waitMs,
      limit: {
        kind: refusal.kind,
        of: refusal.of,
        limit: refusal.limit,
        remaining: refusal.remaining,
        needed: refusal.needed,
      },
    })
  })

  test('that no wait cures is not one to try again', () => {
    const { waitMs: _waitMs, ...never } = spent
    const tooLarge = limitError({ ...never, kind: 'input-tokens', needed: 5_000 })
    expect(tooLarge.message).toBe(
      'This project may use 1000 input tokens a minute, and the text of this request alone takes about 5000: send less text, or ask the operator for a higher limit.',
    )
    const none = limitError({ ...never, kind: 'requests', limit: 0, remaining: 0, needed: 1 })
    expect(none.message).toBe(
      'This project may use 0 requests a minute, and this request takes 1 at once: ask the operator for a higher limit.',
    )
    const closed = limitError({ ...never, kind: 'concurrent-requests', limit: 0 })
    for (const error of [tooLarge, none, closed]) {
      expect(error.isClientRetryable).toBe(false)
      expect(error.facts).not.toHaveProperty('retryAfterMs')
    }
  })

  test('for want of room to count is the gateway’s own', () => {
    const error = limitError({ type: 'no-room' })
    expect(error).toMatchObject({ code: 'overloaded', facts: { retryAfterMs: NO_ROOM_WAIT_MS } })
  })
})
