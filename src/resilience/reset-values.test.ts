import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseDuration, parseRetryAfter, RESET_MAX_MS } from './reset-values.ts'

const NOW = '2026-01-01T00:00:00Z'
const NOW_MS = Date.parse(NOW)
const NOW_HTTP = 'Thu, 01 Jan 2026 00:00:00 GMT'

describe('parseDuration', () => {
  test.each([
    // Seconds: most providers; Cerebras with a fraction, Azure as integers.
    ['7', 7_000],
    ['0', 0],
    [' 2 ', 2_000],
    ['24479.62', 24_479_620],
    ['.5', 500],
    ['5.', 5_000],
    // Go durations: OpenAI, Groq.
    ['1s', 1_000],
    ['0s', 0],
    ['6m0s', 360_000],
    ['120ms', 120],
    ['7.66s', 7_660],
    ['2m59.56s', 179_560],
    ['4m19.2s', 259_200],
    ['1h2m3.5s', 3_723_500],
    ['24h', RESET_MAX_MS],
    ['1d', RESET_MAX_MS],
    ['1500us', 1.5],
    ['1500µs', 1.5],
    // Google's RetryInfo.
    ['34.4s', 34_400],
    // RFC 3339: Anthropic.
    ['2026-01-01T00:00:30Z', 30_000],
    ['2026-01-01t00:00:30z', 30_000],
    ['2026-01-01 00:00:30Z', 30_000],
    ['2026-01-01T00:00:30.250Z', 30_250],
    ['2026-01-01T01:30:30+01:30', 30_000],
    // The three HTTP dates of RFC 9110.
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Thursday, 01-Jan-26 00:00:30 GMT', 30_000],
    ['Thu Jan  1 00:00:30 2026', 30_000],
    // Epochs: OpenRouter in milliseconds, others in seconds.
    [String(NOW_MS / 1_000 + 30), 30_000],
    [String(NOW_MS + 30_000), 30_000],
  ])('%j is %d ms', (text, durationMs) => {
    expect(parseDuration(text, NOW_MS)).toBeCloseTo(durationMs, 6)
  })

  test.each([
    ['-1'],
    ['-5s'],
    ['NaN'],
    ['Infinity'],
    ['1e3'],
    ['0x10'],
    ['soon'],
    [''],
    [' '],
    ['1,5'],
    ['1 s'],
    ['1s2'],
    ['s'],
    ['1.2.3s'],
    ['5 minutes'],
    ['86401'],
    ['25h'],
    // HuggingFace's limit of no limit, beyond the safe integers.
    ['9223372036854767616'],
    ['2026-02-30T00:00:00Z'],
    ['2026-01-01'],
    ['2026-01-03T00:00:00Z'],
    ['2025-12-31T23:59:59Z'],
    ['Thu, 01 Jan 2026 00:00:30'],
    ['Thu, 01 Foo 2026 00:00:30 GMT'],
    ['1'.repeat(10_000)],
    ['1s'.repeat(10_000)],
  ])('%.40j is ignored', (text) => {
    expect(parseDuration(text, NOW_MS)).toBeUndefined()
  })

  test('a point in time without a now is ignored', () => {
    expect(parseDuration('2026-01-01T00:00:30Z')).toBeUndefined()
    expect(parseDuration(String(NOW_MS))).toBeUndefined()
  })

  test('whatever is written, the answer is undefined or within 24 hours', () => {
    const pieces = fc.constantFrom(
      '1',
      '0',
      '9',
      '-',
      '.',
      'h',
      'm',
      's',
      'ms',
      ':',
      ' ',
      'T',
      'Z',
      'Jan',
      'GMT',
      'e',
      '+',
    )
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: pieces, maxLength: 12 }), fc.double().map(String)),
        (text) => {
          const durationMs = parseDuration(text, NOW_MS)
          if (durationMs === undefined) return
          expect(durationMs).toBeGreaterThanOrEqual(0)
          expect(durationMs).toBeLessThanOrEqual(RESET_MAX_MS)
        },
      ),
      { numRuns: 3_000 },
    )
  })

  test('every spelling of the same wait reads the same', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 86_399 }), (seconds) => {
        const moment = new Date(NOW_MS + seconds * 1_000)
        const spellings = [
          String(seconds),
          `${seconds}.000`,
          `${seconds}s`,
          `${seconds * 1_000}ms`,
          `${Math.floor(seconds / 3_600)}h${Math.floor(seconds / 60) % 60}m${seconds % 60}s`,
          moment.toISOString(),
          moment.toUTCString(),
          String(moment.getTime()),
          String(moment.getTime() / 1_000),
        ]
        for (const text of spellings)
          expect(parseDuration(text, NOW_MS), text).toBeCloseTo(seconds * 1_000, 3)
      }),
    )
  })
})

describe('parseRetryAfter', () => {
  test('says nothing where the headers say nothing', () => {
    expect(parseRetryAfter({})).toEqual({})
    expect(parseRetryAfter({ date: NOW_HTTP })).toEqual({})
  })

  test('reads retry-after in seconds', () => {
    expect(parseRetryAfter({ 'retry-after': '7' })).toEqual({ waitMs: 7_000 })
  })

  test('retry-after-ms wins, also when it is zero as at Azure', () => {
    expect(parseRetryAfter({ 'retry-after': '1', 'retry-after-ms': '0' })).toEqual({ waitMs: 0 })
    expect(parseRetryAfter({ 'retry-after-ms': '1234.5' })).toEqual({ waitMs: 1_234.5 })
  })

  test('retry-after counts where retry-after-ms makes no sense, which is told', () => {
    expect(parseRetryAfter({ 'retry-after': '1', 'retry-after-ms': 'soon' })).toEqual({
      waitMs: 1_000,
      anomaly: 'unparsable',
    })
  })

  test('reads a date against the response’s own clock, however wrong that is', () => {
    const headers = { 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT', date: NOW_HTTP }
    expect(parseRetryAfter(headers, NOW_MS + 9e9)).toEqual({ waitMs: 30_000 })
  })

  test('reads a date against our clock where the response has none', () => {
    const headers = { 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT' }
    expect(parseRetryAfter(headers, NOW_MS)).toEqual({ waitMs: 30_000 })
    expect(parseRetryAfter({ ...headers, date: 'today' }, NOW_MS)).toEqual({ waitMs: 30_000 })
    expect(parseRetryAfter(headers)).toEqual({ anomaly: 'undated' })
  })

  test.each([
    ['-1', 'negative'],
    ['Wed, 31 Dec 2025 23:59:59 GMT', 'negative'],
    ['86401', 'over-24-hours'],
    ['Fri, 02 Jan 2027 00:00:00 GMT', 'over-24-hours'],
    ['NaN', 'unparsable'],
    ['', 'unparsable'],
    ['later', 'unparsable'],
  ])('ignores %j and says why: %s', (value, anomaly) => {
    expect(parseRetryAfter({ 'retry-after': value, date: NOW_HTTP })).toEqual({ anomaly })
  })
})
