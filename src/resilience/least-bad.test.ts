import { expect, test } from 'vitest'
import { leastBadOf } from './least-bad.ts'

const ill = (openings: number, openUntilMs: number, mayPanic = true) => {
  return { openings, openUntilMs, mayPanic: () => mayPanic }
}

test('the least bad is the one that opened the fewest times, then the one that is open for the shortest time', () => {
  expect(leastBadOf([ill(4, 10), ill(1, 90), ill(2, 20)], 0)).toBe(1)
  expect(leastBadOf([ill(2, 30), ill(2, 20), ill(2, 20)], 0)).toBe(1)
})

test('who was tried already, or must not be, is left out', () => {
  expect(leastBadOf([ill(1, 10, false), undefined, ill(3, 90)], 0)).toBe(2)
  expect(leastBadOf([ill(1, 10, false), undefined], 0)).toBeUndefined()
  expect(leastBadOf([], 0)).toBeUndefined()
})
