import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hasLimits, type LimitSpelling, limitSpellings, readLimit } from './limit-headers.ts'

const WALL_MS = Date.parse('2026-01-01T00:00:00Z')

function spellingOf(remaining: string): LimitSpelling {
  const spelling = limitSpellings.find((one) => one.remaining === remaining)
  if (spelling === undefined) throw new Error(`nobody spells a limit ${remaining}`)
  return spelling
}

const requests = spellingOf('x-ratelimit-remaining-requests')

/** Headers of the commonest spelling; `undefined` leaves one out. */
function requestHeaders(limit?: string, remaining?: string, reset?: string): Record<string, string> {
  return {
    ...(limit !== undefined && { [requests.limit]: limit }),
    ...(remaining !== undefined && { [requests.remaining]: remaining }),
    ...(reset !== undefined && { [requests.reset]: reset }),
  }
}

/** Every limit that the headers state, by the name of its remainder. */
function readAll(headers: Record<string, string>) {
  const stated = limitSpellings.flatMap((spelling) => {
    const reading = readLimit(headers, spelling, WALL_MS)
    return reading === undefined ? [] : [[spelling.remaining, reading] as const]
  })
  return Object.fromEntries(stated)
}

describe('the limits of an answer are understood', () => {
  test('as OpenAI states them, with durations as Go writes them', () => {
    const headers = {
      'x-ratelimit-limit-requests': '60',
      'x-ratelimit-remaining-requests': '59',
      'x-ratelimit-reset-requests': '1s',
      'x-ratelimit-limit-tokens': '150000',
      'x-ratelimit-remaining-tokens': '149984',
      'x-ratelimit-reset-tokens': '6m0s',
    }
    expect(readAll(headers)).toEqual({
      'x-ratelimit-remaining-requests': { limit: 60, remaining: 59, resetMs: 1_000 },
      'x-ratelimit-remaining-tokens': { limit: 150_000, remaining: 149_984, resetMs: 360_000 },
    })
  })

  test.each([
    ['17ms', 17],
    ['8.64s', 8_640],
    ['1h2m3.5s', 3_723_500],
    ['0s', 0],
    ['12', 12_000],
  ])('with a reset of %s', (reset, resetMs) => {
    expect(readLimit(requestHeaders('10', '5', reset), requests, WALL_MS)).toEqual({
      limit: 10,
      remaining: 5,
      resetMs,
    })
  })

  test('as Groq states them: requests of a day and tokens of a minute', () => {
    const headers = {
      'x-ratelimit-limit-requests': '14400',
      'x-ratelimit-remaining-requests': '14370',
      'x-ratelimit-reset-requests': '2m59.56s',
      'x-ratelimit-limit-tokens': '18000',
      'x-ratelimit-remaining-tokens': '17997',
      'x-ratelimit-reset-tokens': '7.66s',
    }
    const read = readAll(headers)
    expect(Object.keys(read)).toHaveLength(2)
    expect(read['x-ratelimit-remaining-requests']?.resetMs).toBeCloseTo(179_560)
    expect(read['x-ratelimit-remaining-tokens']?.resetMs).toBeCloseTo(7_660)
  })

  test('as Anthropic states them: four limits, with moments against the date of the answer', () => {
    const of = (name: string, limit: string, remaining: string) => ({
      [`anthropic-ratelimit-${name}-limit`]: limit,
      [`anthropic-ratelimit-${name}-remaining`]: remaining,
      [`anthropic-ratelimit-${name}-reset`]: '2026-03-01T12:00:30Z',
    })
    const headers = {
      // A clock far from ours does no harm.
      date: 'Sun, 01 Mar 2026 12:00:00 GMT',
      ...of('requests', '50', '49'),
      ...of('tokens', '48000', '47000'),
      ...of('input-tokens', '40000', '39000'),
      ...of('output-tokens', '8000', '8000'),
    }
    expect(readAll(headers)).toEqual({
      'anthropic-ratelimit-requests-remaining': { limit: 50, remaining: 49, resetMs: 30_000 },
      'anthropic-ratelimit-tokens-remaining': { limit: 48_000, remaining: 47_000, resetMs: 30_000 },
      'anthropic-ratelimit-input-tokens-remaining': { limit: 40_000, remaining: 39_000, resetMs: 30_000 },
      'anthropic-ratelimit-output-tokens-remaining': { limit: 8_000, remaining: 8_000, resetMs: 30_000 },
    })
  })

  test.each([undefined, 'yesterday'])('against our own clock where the date is %s', (date) => {
    const spelling = spellingOf('anthropic-ratelimit-requests-remaining')
    const headers = {
      ...(date !== undefined && { date }),
      [spelling.limit]: '50',
      [spelling.remaining]: '10',
      [spelling.reset]: '2026-01-01T00:00:12.5Z',
    }
    expect(readLimit(headers, spelling, WALL_MS)?.resetMs).toBe(12_500)
  })

  test('as Mistral states them, whose names say the window that no reset says', () => {
    const headers = {
      'x-ratelimit-limit-req-minute': '60',
      'x-ratelimit-remaining-req-minute': '59',
      'x-ratelimit-limit-tokens-minute': '500000',
      'x-ratelimit-remaining-tokens-minute': '499900',
    }
    expect(readAll(headers)).toEqual({
      'x-ratelimit-remaining-req-minute': { limit: 60, remaining: 59 },
      'x-ratelimit-remaining-tokens-minute': { limit: 500_000, remaining: 499_900 },
    })
    expect(spellingOf('x-ratelimit-remaining-req-minute')).toMatchObject({
      counts: 'requests',
      windowMs: 60_000,
    })
    expect(spellingOf('x-ratelimit-remaining-tokens-minute')).toMatchObject({
      counts: 'tokens',
      windowMs: 60_000,
    })
  })

  test('as Cerebras states them: requests of a day and tokens of a minute, in seconds with a fraction', () => {
    const headers = {
      'x-ratelimit-limit-requests-day': '1000000000',
      'x-ratelimit-remaining-requests-day': '999997455',
      'x-ratelimit-reset-requests-day': '33011.382867097855',
      'x-ratelimit-limit-tokens-minute': '1000000000',
      'x-ratelimit-remaining-tokens-minute': '999996225',
      'x-ratelimit-reset-tokens-minute': '11.382867097854614',
    }
    const read = readAll(headers)
    expect(Object.keys(read)).toHaveLength(2)
    expect(read['x-ratelimit-remaining-requests-day']).toMatchObject({ remaining: 999_997_455 })
    expect(read['x-ratelimit-remaining-requests-day']?.resetMs).toBeCloseTo(33_011_382.867, 2)
    expect(read['x-ratelimit-remaining-tokens-minute']?.resetMs).toBeCloseTo(11_382.867, 2)
  })

  test.each([
    ['x-ratelimit-remaining-requests-minute', 'requests', 60_000],
    ['x-ratelimit-remaining-requests-day', 'requests', 86_400_000],
    ['x-ratelimit-remaining-tokens-day', 'tokens', 86_400_000],
  ])('by the window in %s', (remaining, counts, windowMs) => {
    expect(spellingOf(remaining)).toMatchObject({ counts, windowMs })
  })

  test('without a limit, as older Azure states what is left', () => {
    expect(readLimit(requestHeaders(undefined, '119'), requests, WALL_MS)).toEqual({ remaining: 119 })
  })

  test('with nothing left, which is no mistake while there is a time until it is back', () => {
    expect(readLimit(requestHeaders('10', '0', '6s'), requests, WALL_MS)).toEqual({
      limit: 10,
      remaining: 0,
      resetMs: 6_000,
    })
  })

  test('with no more left than the limit', () => {
    expect(readLimit(requestHeaders('10', '25', '6s'), requests, WALL_MS)).toMatchObject({ remaining: 10 })
  })
})

describe('a limit is not stated', () => {
  test.each([
    ['what is left is missing', requestHeaders('10', undefined, '6s')],
    ['Azure says -1 is left', requestHeaders('10', '-1', '6s')],
    ['Azure says -1 is the limit', requestHeaders('-1', '5', '6s')],
    ['Azure says 0 is left and 0 seconds bring all back', requestHeaders('10', '0', '0')],
    ['Azure says 0 of everything', requestHeaders('0', '0', '0')],
    ['the limit is 0', requestHeaders('0', '5', '6s')],
    ['the limit is empty', requestHeaders('', '5', '6s')],
    ['the limit is a list', requestHeaders('10, 10;w=60', '5', '6s')],
    ['what is left is empty', requestHeaders('10', '', '6s')],
    ['what is left is a word', requestHeaders('10', 'plenty', '6s')],
    ['what is left has a fraction', requestHeaders('10', '5.5', '6s')],
    ['what is left is hexadecimal', requestHeaders('10', '0x5', '6s')],
    ['what is left has sixteen digits', requestHeaders('10', '1000000000000000', '6s')],
  ])('where %s', (_why, headers) => {
    expect(readLimit(headers, requests, WALL_MS)).toBeUndefined()
  })
})

test.each(['', 'soon', '-3s', '-1', '25h', '2025-12-31T23:59:59Z', '1e3', '9'.repeat(200)])(
  'a reset of %j is left out, and what is left is believed all the same',
  (reset) => {
    expect(readLimit(requestHeaders('10', '5', reset), requests, WALL_MS)).toEqual({
      limit: 10,
      remaining: 5,
    })
  },
)

describe('whether an answer says anything of a limit', () => {
  test.each(limitSpellings.map(({ remaining }) => remaining))('is seen by %s', (remaining) => {
    expect(hasLimits({ [remaining]: '' })).toBe(true)
  })

  test('is not seen in other headers, nor in a limit without what is left of it', () => {
    expect(hasLimits({ 'content-type': 'text/plain', 'retry-after': '5', [requests.limit]: '10' })).toBe(
      false,
    )
  })
})

test('no two spellings are read from one header', () => {
  const names = limitSpellings.flatMap(({ limit, remaining, reset }) => [limit, remaining, reset])
  expect(new Set(names).size).toBe(names.length)
  expect(names.filter((name) => name !== name.toLowerCase())).toEqual([])
})

test('whatever the headers say, a reading makes sense', () => {
  const value = fc.oneof(
    fc.string(),
    fc.integer({ min: -10, max: 1_000 }).map(String),
    fc.constantFrom('6m0s', '0', '1s', '-1', '2026-01-01T00:00:05Z', '1767225605'),
  )
  fc.assert(
    fc.property(
      value,
      value,
      value,
      fc.constantFrom(...limitSpellings),
      (limit, remaining, reset, spelling) => {
        const headers = { [spelling.limit]: limit, [spelling.remaining]: remaining, [spelling.reset]: reset }
        const reading = readLimit(headers, spelling, WALL_MS)
        if (reading === undefined) return
        expect(reading.limit).toBeGreaterThan(0)
        expect(reading.remaining).toBeGreaterThanOrEqual(0)
        expect(reading.remaining).toBeLessThanOrEqual(reading.limit ?? 0)
        expect(reading.resetMs ?? 0).toBeGreaterThanOrEqual(0)
        expect(reading.resetMs ?? 0).toBeLessThanOrEqual(86_400_000)
      },
    ),
    { numRuns: 500 },
  )
})
