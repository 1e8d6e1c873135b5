import { describe, expect, test } from 'vitest'
import { Pacer } from './pacer.ts'

const WALL_MS = Date.parse('2026-01-01T00:00:00Z')

interface Told {
  readonly status?: number
  readonly unanswered?: number
}

function tell(pacer: Pacer, headers: Record<string, string>, nowMs = 0, told: Told = {}): void {
  pacer.noteAnswer({ status: 200, unanswered: 0, wallMs: WALL_MS, ...told, headers }, nowMs)
}

function pacerTold(headers: Record<string, string>, told: Told = {}): Pacer {
  const pacer = new Pacer()
  tell(pacer, headers, 0, told)
  return pacer
}

function openai(kind: 'requests' | 'tokens', limit: number, remaining: number, reset: string) {
  return {
    [`x-ratelimit-limit-${kind}`]: String(limit),
    [`x-ratelimit-remaining-${kind}`]: String(remaining),
    [`x-ratelimit-reset-${kind}`]: reset,
  }
}

/** Calls that may begin at this moment, of which each draws. */
function passing(pacer: Pacer, nowMs: number): number {
  let count = 0
  for (; count < 1_000 && pacer.freeAtMs(0, nowMs) <= nowMs; count += 1) pacer.draw(nowMs)
  return count
}

describe('a pacer', () => {
  test('holds nobody before an answer has told of a limit', () => {
    expect(passing(new Pacer(), 0)).toBe(1_000)
  })

  test('lets as many through as the provider says are left, then one as each is back', () => {
    const pacer = pacerTold(openai('requests', 60, 3, '57s'))
    expect(passing(pacer, 0)).toBe(3)
    expect(pacer.freeAtMs(0, 0)).toBe(1_000)
    expect(passing(pacer, 998)).toBe(0)
    expect(passing(pacer, 1_000)).toBe(1)
    expect(passing(pacer, 5_000)).toBe(4)
  })

  test('counts those as spent of which the provider may not know yet', () => {
    expect(passing(pacerTold(openai('requests', 60, 3, '57s'), { unanswered: 2 }), 0)).toBe(1)
  })

  test('tells those who wait behind others a later time', () => {
    const pacer = pacerTold(openai('requests', 60, 0, '1m0s'))
    expect([0, 1, 2].map((ahead) => pacer.freeAtMs(ahead, 0))).toEqual([1_000, 2_000, 3_000])
  })

  test('gives back what a call drew that never had an answer', () => {
    const pacer = pacerTold(openai('requests', 60, 1, '59s'))
    pacer.draw(0)
    pacer.giveBack(0)
    expect(passing(pacer, 0)).toBe(1)
  })

  test('keeps the narrowest of several limits', () => {
    const pacer = pacerTold({ ...openai('requests', 60, 50, '10s'), ...openai('tokens', 1_000, 0, '1m40s') })
    // One token, until it is known what a call costs.
    expect(pacer.freeAtMs(0, 0)).toBe(100)
  })

  test('waits for the tokens that calls have been seen to cost', () => {
    const pacer = pacerTold(openai('tokens', 1_000, 500, '50s'))
    tell(pacer, openai('tokens', 1_000, 200, '80s'))
    expect(passing(pacer, 0)).toBe(0)
    expect(pacer.freeAtMs(0, 0)).toBe(10_000)
  })

  test('learns from a refusal what is left and not what a call costs', () => {
    const pacer = pacerTold(openai('tokens', 1_000, 500, '50s'))
    tell(pacer, openai('tokens', 1_000, 0, '100s'), 0, { status: 429 })
    expect(pacer.freeAtMs(0, 0)).toBe(100)
  })
})

describe('a pacer understands', () => {
  test('Anthropic, whose resets are moments', () => {
    const pacer = pacerTold({
      date: 'Thu, 01 Jan 2026 00:00:00 GMT',
      'anthropic-ratelimit-requests-limit': '50',
      'anthropic-ratelimit-requests-remaining': '0',
      'anthropic-ratelimit-requests-reset': '2026-01-01T00:00:50Z',
    })
    expect(pacer.freeAtMs(0, 0)).toBe(1_000)
  })

  test('each of Anthropic’s counts of tokens by itself', () => {
    for (const kind of ['tokens', 'input-tokens', 'output-tokens']) {
      const pacer = pacerTold({
        [`anthropic-ratelimit-${kind}-limit`]: '1000',
        [`anthropic-ratelimit-${kind}-remaining`]: '0',
        [`anthropic-ratelimit-${kind}-reset`]: '2026-01-01T00:01:40Z',
      })
      expect(pacer.freeAtMs(0, 0), kind).toBe(100)
    }
  })

  test('Groq, whose requests are of a day and come back by the reset', () => {
    const pacer = pacerTold(openai('requests', 14_400, 14_370, '3m0s'))
    expect(passing(pacer, 0)).toBe(1_000)
    tell(pacer, openai('requests', 14_400, 0, '24h'))
    expect(pacer.freeAtMs(0, 0)).toBe(6_000)
  })

  test('Mistral, which sends no reset', () => {
    const pacer = pacerTold({ 'x-ratelimit-limit-req-minute': '60', 'x-ratelimit-remaining-req-minute': '0' })
    expect(pacer.freeAtMs(0, 0)).toBe(1_000)
  })

  test('Cerebras, whose tokens are of a minute and requests of a day', () => {
    const pacer = pacerTold({
      'x-ratelimit-limit-requests-day': '14400',
      'x-ratelimit-remaining-requests-day': '14000',
      'x-ratelimit-reset-requests-day': '33011.382867',
      'x-ratelimit-limit-tokens-minute': '60000',
      'x-ratelimit-remaining-tokens-minute': '0',
      'x-ratelimit-reset-tokens-minute': '60.0',
    })
    expect(pacer.freeAtMs(0, 0)).toBe(1)
  })

  test.each([
    ['-1 of everything', { limit: '-1', remaining: '-1', reset: '-1' }],
    ['-1 left', { limit: '10', remaining: '-1', reset: '60' }],
    ['0 left and back at once', { limit: '10', remaining: '0', reset: '0' }],
  ])('that Azure means nothing by %s', (_what, { limit, remaining, reset }) => {
    const pacer = pacerTold({
      'x-ratelimit-limit-requests': limit,
      'x-ratelimit-remaining-requests': remaining,
      'x-ratelimit-reset-requests': reset,
    })
    expect(passing(pacer, 0)).toBe(1_000)
  })
})

describe('a limit that is not spoken of any more', () => {
  const spent = openai('requests', 10, 0, '10h')

  test('is kept for a minute', () => {
    const pacer = pacerTold(spent)
    tell(pacer, {}, 59_999)
    expect(pacer.freeAtMs(0, 59_999)).toBe(60_000)
  })

  test('is forgotten with an answer after that', () => {
    const pacer = pacerTold(spent)
    tell(pacer, {}, 60_000)
    expect(passing(pacer, 60_000)).toBe(1_000)
  })

  test('lets one call find out each minute while there is no answer', () => {
    const pacer = pacerTold(spent)
    expect([60_000, 60_001, 120_000].map((nowMs) => passing(pacer, nowMs))).toEqual([1, 0, 1])
  })
})
