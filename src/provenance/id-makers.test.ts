import { expect, test } from 'vitest'
import { createIdMakers } from './id-makers.ts'

test('remembers who has a file, the latest word counting', () => {
  const makers = createIdMakers()
  expect(makers.isEmpty).toBe(true)
  makers.remember('file-1', 'one')
  makers.remember('file-1', 'two')
  expect([makers.makerOf('file-1'), makers.makerOf('file-2'), makers.isEmpty]).toEqual([
    'two',
    undefined,
    false,
  ])
})

test('forgets the ids that were not asked for the longest', () => {
  const makers = createIdMakers({ entriesMax: 2 })
  makers.remember('a', 'one')
  makers.remember('b', 'one')
  makers.makerOf('a')
  makers.remember('c', 'one')
  expect(['a', 'b', 'c'].map((id) => makers.makerOf(id))).toEqual(['one', undefined, 'one'])
})

test('keeps no id that no path could name', () => {
  const makers = createIdMakers()
  makers.remember('x'.repeat(129), 'one')
  makers.remember('', 'one')
  expect(makers.isEmpty).toBe(true)
})
