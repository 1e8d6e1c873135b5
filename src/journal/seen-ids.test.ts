import { hash } from 'node:crypto'
import { expect, test } from 'vitest'
import { SeenIds } from './seen-ids.ts'

const HOUR_MS = 3_600_000
const idOf = (number: number) => hash('sha256', String(number))

test('never says no of an id that was added, and hardly ever maybe of another', () => {
  const seen = new SeenIds()
  for (let number = 0; number < 20_000; number += 1) seen.add(idOf(number), HOUR_MS)
  let maybes = 0
  for (let number = 0; number < 20_000; number += 1) {
    if (!seen.mayHave(idOf(number))) throw new Error(`${number} was added.`)
    if (seen.mayHave(idOf(-1 - number))) maybes += 1
  }
  expect(maybes).toBeLessThan(3)
})

test('forgets an id after it has expired, and not before', () => {
  const seen = new SeenIds()
  seen.sweep(0)
  seen.add(idOf(1), 10 * HOUR_MS)
  for (let hour = 1; hour < 10; hour += 1) {
    seen.sweep(hour * HOUR_MS)
    seen.add(idOf(100 + hour), (10 + hour) * HOUR_MS)
    expect(seen.mayHave(idOf(1))).toBe(true)
  }
  seen.sweep(10 * HOUR_MS)
  expect(seen.mayHave(idOf(1))).toBe(false)
  expect(seen.mayHave(idOf(101))).toBe(true)
  seen.sweep(19 * HOUR_MS)
  seen.sweep(19 * HOUR_MS)
  expect(seen.mayHave(idOf(101))).toBe(false)
})
