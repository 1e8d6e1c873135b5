import { describe, expect, test } from 'vitest'
import { createSeededRandom } from '../std/ids.ts'
import { BACKOFF_CAP_MS, drawBackoffMs, drawOverloadPauseMs, OVERLOAD_PAUSE_MS } from './backoff.ts'

const least = { next: () => 0 }
const most = { next: () => 1 - Number.EPSILON }

describe('backoff', () => {
  test('has full jitter below 250 ms, doubling up to 8 s', () => {
    const ceilings = [0, 1, 2, 3, 4, 5, 6, 2_000].map((retries) => Math.round(drawBackoffMs(retries, most)))
    expect(ceilings).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000])
    expect(drawBackoffMs(3, least)).toBe(0)
  })

  test('is spread evenly over its range', () => {
    const random = createSeededRandom(1)
    const draws = Array.from({ length: 4_000 }, () => drawBackoffMs(9, random))
    for (let quarter = 0; quarter < 4; quarter += 1) {
      const inside = draws.filter((draw) => Math.floor((draw / BACKOFF_CAP_MS) * 4) === quarter)
      expect(inside.length).toBeGreaterThan(900)
    }
  })

  test('pauses at least a second for an overloaded target, with jitter', () => {
    expect(drawOverloadPauseMs(least)).toBe(OVERLOAD_PAUSE_MS)
    expect(drawOverloadPauseMs(most)).toBeLessThanOrEqual(2 * OVERLOAD_PAUSE_MS)
    expect(drawOverloadPauseMs(most)).toBeGreaterThan(OVERLOAD_PAUSE_MS)
  })

  test('comes out the same from the same seed', () => {
    const draw = () => {
      const random = createSeededRandom(7)
      return [drawBackoffMs(0, random), drawOverloadPauseMs(random), drawBackoffMs(4, random)]
    }
    expect(draw()).toEqual(draw())
  })
})
