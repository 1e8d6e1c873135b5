import fc from 'fast-check'
import { expect, test } from 'vitest'
import { UnderWay } from './under-way.ts'

test('whatever comes and goes under whatever name: as a map', () => {
  const name = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', '')
  const course = fc.array(fc.record({ name, comes: fc.boolean() }), { maxLength: 60 })
  fc.assert(
    fc.property(course, (steps) => {
      const runs = new UnderWay<string, { readonly step: number }>()
      const model = new Map<string, { readonly step: number }>()
      for (const [step, { name, comes }] of steps.entries()) {
        const value = { step }
        if (comes) {
          runs.set(name, value)
          model.set(name, value)
        } else {
          runs.delete(name)
          model.delete(name)
        }
        expect(runs.get(name)).toBe(model.get(name))
        expect(runs.size).toBe(model.size)
        expect(runs.list()).toEqual([...model.values()])
      }
    }),
  )
})

test('what is listed stays as it is while all of it ends', () => {
  const runs = new UnderWay<string, { readonly name: string }>()
  for (const name of ['a', 'b', 'c']) runs.set(name, { name })
  const listed = runs.list()
  for (const { name } of listed) runs.delete(name)
  expect(listed.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  expect([runs.size, runs.list()]).toEqual([0, []])
})

test('oldest first, and what goes on the way is left out', () => {
  const runs = new UnderWay<number, { readonly name: number }>()
  for (const name of [3, 1, 2]) runs.set(name, { name })
  runs.set(3, { name: 3 })
  const passed: number[] = []
  for (const { name } of runs.values()) {
    passed.push(name)
    runs.delete(1)
  }
  expect(passed).toEqual([3, 2])
})
