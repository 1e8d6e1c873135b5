import { expect, test } from 'vitest'
import { HANDICAP_MS, PRIORITIES, readPriority } from './priority.ts'

test.each([
  ['high', 'high'],
  ['normal', 'normal'],
  ['low', 'low'],
  ['HIGH', 'high'],
  [' Low\t', 'low'],
])('a header of %j is a priority of %s', (value, priority) => {
  expect(readPriority(value)).toBe(priority)
})

test.each([undefined, '', 'urgent', 'high, low', 'constructor', 1, null, ['high']])(
  'a header of %j is a priority of normal',
  (value) => {
    expect(readPriority(value)).toBe('normal')
  },
)

test('the higher a priority is, the less it is put back', () => {
  expect(PRIORITIES).toEqual(['high', 'normal', 'low'])
  const handicaps = PRIORITIES.map((priority) => HANDICAP_MS[priority])
  expect(handicaps).toEqual(handicaps.toSorted((one, other) => one - other))
  expect(new Set(handicaps).size).toBe(3)
  expect(HANDICAP_MS.high).toBe(0)
})
