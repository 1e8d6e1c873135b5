import { expect, test } from 'vitest'
import { median, percentile } from './statistics.ts'

test('median and percentiles interpolate, and do not need sorted values', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 2, 3])).toBe(2.5)
  expect(percentile([10, 0], 0.99)).toBeCloseTo(9.9)
  expect(percentile([7], 0.99)).toBe(7)
})

test('nothing has no median', () => {
  expect(median([])).toBeNaN()
})
