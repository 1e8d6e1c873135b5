import { expect, test } from 'vitest'
import { quantile, type Sample, slopePerHour } from './process-samples.ts'

test('fault 149: the slope is that of the line that fits best, whatever swings around it', () => {
  const samples = Array.from({ length: 100 }, (_, place): Sample => {
    const atMs = place * 5_000
    return {
      atMs,
      rssBytes: 1e8 + (atMs / 3_600_000) * 7e6 + (place % 2) * 1e3,
      heapBytes: 1,
      descriptors: 20,
      lagMs: place,
    }
  })
  expect(slopePerHour(samples, ({ rssBytes }) => rssBytes) / 1e6).toBeCloseTo(7, 1)
  expect(slopePerHour(samples, ({ descriptors }) => descriptors)).toBe(0)
  expect(slopePerHour([], ({ rssBytes }) => rssBytes)).toBe(0)
  expect(
    quantile(
      samples.map(({ lagMs }) => lagMs),
      0.99,
    ),
  ).toBe(99)
})
