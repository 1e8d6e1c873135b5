import { describe, expect, test } from 'vitest'
import type { LimitReading, LimitSpelling } from './limit-headers.ts'
import { PACE_WAIT_MAX_MS, TokenBucket } from './token-bucket.ts'

const names = { limit: 'l', remaining: 'r', reset: 't' }

/** A bucket that an answer at 0 told of `reading`. */
function bucketOf(reading: LimitReading, spelling: Partial<LimitSpelling> = {}, unanswered = 0) {
  const bucket = new TokenBucket({ counts: 'requests', ...names, ...spelling })
  bucket.note(reading, unanswered, true, 0)
  return bucket
}

describe('a bucket', () => {
  test('paces nothing before an answer has told how fast it refills', () => {
    const bucket = new TokenBucket({ counts: 'requests', ...names })
    expect(bucket.freeAtMs(0, 5)).toBe(5)
    bucket.note({ limit: 10, remaining: 0 }, 0, true, 10)
    expect(bucket.freeAtMs(0, 10)).toBe(10)
  })

  test('refills so fast that all is back when the provider says', () => {
    const bucket = bucketOf({ limit: 10, remaining: 0, resetMs: 10_000 })
    expect([bucket.levelAt(0), bucket.levelAt(2_500), bucket.levelAt(10_000)]).toEqual([0, 2.5, 10])
    expect(bucket.freeAtMs(0, 0)).toBe(1_000)
    expect(bucket.freeAtMs(2, 0)).toBe(3_000)
  })

  test('holds no more than the limit', () => {
    const bucket = bucketOf({ limit: 10, remaining: 8, resetMs: 2_000 })
    expect(bucket.levelAt(50_000)).toBe(10)
    bucket.giveBack(50_000)
    expect(bucket.levelAt(50_000)).toBe(10)
  })

  test('refills by its window where no reset is said', () => {
    const bucket = bucketOf({ limit: 60, remaining: 0 }, { windowMs: 60_000 })
    expect(bucket.freeAtMs(0, 0)).toBe(1_000)
  })

  test('keeps its rate when an answer tells of a full one, or of all back at once', () => {
    const bucket = bucketOf({ limit: 10, remaining: 5, resetMs: 5_000 })
    bucket.note({ limit: 10, remaining: 10, resetMs: 60_000 }, 0, true, 0)
    bucket.note({ limit: 10, remaining: 2, resetMs: 0 }, 0, true, 0)
    expect(bucket.levelAt(1_000)).toBe(3)
  })

  test('takes the most that was ever left for the limit where none is said', () => {
    const bucket = bucketOf({ remaining: 8 }, { windowMs: 8_000 })
    expect(bucket.levelAt(60_000)).toBe(8)
    bucket.note({ remaining: 4, resetMs: 4_000 }, 0, true, 0)
    expect(bucket.levelAt(60_000)).toBe(8)
  })

  test('lets a call go that would wait less than a timer’s tick', () => {
    const bucket = bucketOf({ limit: 20_000, remaining: 0, resetMs: 10_000 })
    expect(bucket.freeAtMs(0, 0)).toBe(0)
    expect(bucket.freeAtMs(1, 0)).toBe(1)
  })
})

describe('calls', () => {
  test('draw as they begin, and the one that finds nothing left waits', () => {
    const bucket = bucketOf({ limit: 10, remaining: 2, resetMs: 8_000 })
    bucket.draw(0)
    expect(bucket.freeAtMs(0, 0)).toBe(0)
    bucket.draw(0)
    expect(bucket.freeAtMs(0, 0)).toBe(1_000)
  })

  test('that ended without an answer give back what they drew', () => {
    const bucket = bucketOf({ limit: 10, remaining: 1, resetMs: 9_000 })
    bucket.draw(0)
    bucket.giveBack(0)
    expect(bucket.levelAt(0)).toBe(1)
  })

  test('of which the provider may not know yet are counted as spent', () => {
    const bucket = bucketOf({ limit: 10, remaining: 5, resetMs: 5_000 }, {}, 3)
    expect(bucket.levelAt(0)).toBe(2)
  })
})

describe('what an answer tells', () => {
  test('is believed at once where less is left', () => {
    const bucket = bucketOf({ limit: 10, remaining: 9, resetMs: 1_000 })
    bucket.note({ limit: 10, remaining: 1, resetMs: 9_000 }, 0, true, 0)
    expect(bucket.levelAt(0)).toBe(1)
  })

  test('is believed by and by where more is left, since answers overtake each other', () => {
    const bucket = bucketOf({ limit: 10, remaining: 0, resetMs: 10_000 })
    bucket.note({ limit: 10, remaining: 8, resetMs: 2_000 }, 0, true, 0)
    expect(bucket.levelAt(0)).toBe(1)
    bucket.note({ limit: 10, remaining: 8, resetMs: 2_000 }, 0, true, 0)
    expect(bucket.levelAt(0)).toBe(1.875)
    bucket.note({ limit: 10, remaining: 3, resetMs: 7_000 }, 0, true, 0)
    expect(bucket.levelAt(0)).toBe(2.015625)
  })
})

describe('what a call costs in tokens', () => {
  const full = { limit: 1_000, resetMs: 1_000 }

  test('is what was used between two answers, refill included', () => {
    const bucket = bucketOf({ limit: 1_000, remaining: 500, resetMs: 50_000 }, { counts: 'tokens' })
    bucket.note({ limit: 1_000, remaining: 400, resetMs: 60_000 }, 0, true, 1_000)
    bucket.draw(1_000)
    // A hundred fewer were left, and ten had come back.
    expect(bucket.levelAt(1_000)).toBeCloseTo(290)
  })

  test('is a mean of the calls, and one of requests is one for ever', () => {
    const drawn = (counts: LimitSpelling['counts']) => {
      const bucket = bucketOf({ limit: 1_000, remaining: 900, resetMs: 10_000 }, { counts })
      bucket.note({ limit: 1_000, remaining: 800, resetMs: 10_000 }, 0, true, 0)
      bucket.note({ limit: 1_000, remaining: 600, resetMs: 10_000 }, 0, true, 0)
      bucket.draw(0)
      return 600 - bucket.levelAt(0)
    }
    expect(drawn('tokens')).toBeCloseTo(150)
    expect(drawn('requests')).toBe(1)
  })

  test('is not learned from a refusal, which cost nothing', () => {
    const bucket = bucketOf({ ...full, remaining: 900 }, { counts: 'tokens' })
    bucket.note({ ...full, remaining: 600 }, 0, false, 0)
    bucket.draw(0)
    expect(bucket.levelAt(0)).toBe(599)
  })

  test('is at most half the limit for one answer, and at least one', () => {
    const bucket = bucketOf({ ...full, remaining: 900 }, { counts: 'tokens' })
    bucket.note({ ...full, remaining: 100 }, 0, true, 0)
    bucket.draw(0)
    expect(bucket.levelAt(0)).toBe(-400)
    const cheap = bucketOf({ ...full, remaining: 900 }, { counts: 'tokens' })
    cheap.note({ ...full, remaining: 900 }, 0, true, 0)
    cheap.draw(0)
    expect(cheap.levelAt(0)).toBe(899)
  })
})

describe('without an answer that confirms it, a bucket', () => {
  const slow = { limit: 10, remaining: 0, resetMs: 80_000_000 }

  test('is believed for a minute and no longer', () => {
    const bucket = bucketOf(slow)
    expect(bucket.freeAtMs(0, 0)).toBe(PACE_WAIT_MAX_MS)
    expect(bucket.isOldAt(PACE_WAIT_MAX_MS - 1)).toBe(false)
    expect(bucket.isOldAt(PACE_WAIT_MAX_MS)).toBe(true)
    expect(bucket.freeAtMs(0, PACE_WAIT_MAX_MS)).toBe(PACE_WAIT_MAX_MS)
  })

  test('lets one call find out, and the next one waits another minute for what it finds', () => {
    const bucket = bucketOf(slow)
    bucket.draw(PACE_WAIT_MAX_MS)
    expect(bucket.freeAtMs(0, PACE_WAIT_MAX_MS)).toBe(2 * PACE_WAIT_MAX_MS)
  })

  test('lets those who wait behind each other go a minute apart', () => {
    expect(bucketOf(slow).freeAtMs(2, 0)).toBe(3 * PACE_WAIT_MAX_MS)
  })
})
