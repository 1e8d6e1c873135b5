import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MemoryCache } from './memory-cache.ts'

test('lets go of what was used longest ago', () => {
  const cache = new MemoryCache<string>(30)
  cache.set('a', 'A', 10)
  cache.set('b', 'B', 10)
  cache.set('c', 'C', 10)
  cache.get('a')
  cache.set('d', 'D', 10)
  expect(['a', 'b', 'c', 'd'].map((id) => cache.get(id))).toEqual(['A', undefined, 'C', 'D'])
})

test('holds nothing that is larger than all of it', () => {
  const cache = new MemoryCache<string>(30)
  cache.set('a', 'A', 10)
  cache.set('b', 'B', 31)
  expect([cache.get('a'), cache.get('b')]).toEqual(['A', undefined])
})

test('never holds more than its bound, and counts what it holds', () => {
  const step = fc.record({
    id: fc.integer({ min: 0, max: 5 }),
    bytes: fc.integer({ min: 1, max: 40 }),
    isDrop: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const cache = new MemoryCache<number>(50)
      for (const { id, bytes, isDrop } of steps) {
        if (isDrop) cache.delete(String(id))
        else cache.set(String(id), bytes, bytes)
        const held = [0, 1, 2, 3, 4, 5].map((known) => cache.get(String(known)) ?? 0)
        expect(cache.bytes).toBe(held.reduce((sum, value) => sum + value, 0))
        expect(cache.bytes).toBeLessThanOrEqual(50)
      }
    }),
  )
})
