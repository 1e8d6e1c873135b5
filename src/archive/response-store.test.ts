import { expect, test } from 'vitest'
import type { Clock } from '../std/clock.ts'
import { createResponseStore } from './response-store.ts'
import type { StoredResponse } from './stored-response.ts'

function at(nowMs: { value: number }): Clock {
  return { wallMs: () => nowMs.value, nowMs: () => nowMs.value, after: () => ({ cancel() {} }) }
}

function entry(id: string, change: Partial<StoredResponse> = {}): StoredResponse {
  return {
    id,
    owner: 'laptop',
    answer: { id },
    input: [{ id: `in_${id}`, type: 'message' }],
    output: [{ id: `out_${id}`, type: 'message' }],
    ...change,
  }
}

test('an entry and its items are found under the key that made them, and under no other', () => {
  const store = createResponseStore({ clock: at({ value: 0 }) })
  store.put(entry('r1'))
  expect(store.get('r1', 'laptop')?.answer).toEqual({ id: 'r1' })
  expect(store.item('out_r1', 'laptop')?.read()).toEqual({ id: 'out_r1', type: 'message' })
  for (const owner of ['phone', undefined]) {
    expect(store.get('r1', owner)).toBeUndefined()
    expect(store.item('out_r1', owner)).toBeUndefined()
    expect(store.delete('r1', owner)).toBe(false)
  }
})

test('a history is the whole conversation, oldest first', () => {
  const store = createResponseStore({ clock: at({ value: 0 }) })
  store.put(entry('r1'))
  store.put(entry('r2', { previousId: 'r1' }))
  expect(
    store
      .history('r2', 'laptop')
      ?.read()
      .map((item) => item['id']),
  ).toEqual(['in_r1', 'out_r1', 'in_r2', 'out_r2'])
})

test('a history with a gap is none', () => {
  const store = createResponseStore({ clock: at({ value: 0 }) })
  store.put(entry('r2', { previousId: 'gone' }))
  expect(store.history('r2', 'laptop')).toBeUndefined()
})

test('a history that runs in a circle is none', () => {
  const store = createResponseStore({ clock: at({ value: 0 }) })
  store.put(entry('r1', { previousId: 'r2' }))
  store.put(entry('r2', { previousId: 'r1' }))
  expect(store.history('r2', 'laptop')).toBeUndefined()
})

test('an entry lives as long as it is told', () => {
  const now = { value: 0 }
  const store = createResponseStore({ clock: at(now), lifeMs: 1_000 })
  store.put(entry('r1'))
  now.value = 999
  expect(store.get('r1', 'laptop')).toBeDefined()
  now.value = 1_000
  expect(store.get('r1', 'laptop')).toBeUndefined()
  expect(store.item('out_r1', 'laptop')).toBeUndefined()
})

test('the oldest make room, by count and by bytes', () => {
  const few = createResponseStore({ clock: at({ value: 0 }), entriesMax: 2 })
  for (const id of ['r1', 'r2', 'r3']) few.put(entry(id))
  expect(['r1', 'r2', 'r3'].map((id) => few.get(id, 'laptop') !== undefined)).toEqual([false, true, true])

  const small = createResponseStore({ clock: at({ value: 0 }), bytesMax: 6_000 })
  const large = { answer: { text: 'x'.repeat(1_500) } }
  for (const id of ['r1', 'r2']) small.put(entry(id, large))
  expect(['r1', 'r2'].map((id) => small.get(id, 'laptop') !== undefined)).toEqual([false, true])
  small.put(entry('r3', { answer: { text: 'x'.repeat(6_000) } }))
  expect(small.get('r3', 'laptop')).toBeUndefined()
  expect(small.get('r2', 'laptop')).toBeDefined()
})

test('a later entry of the same id replaces the earlier one', () => {
  const store = createResponseStore({ clock: at({ value: 0 }) })
  store.put(entry('r1'))
  store.put(entry('r1', { answer: { id: 'r1', status: 'completed' }, output: [] }))
  expect(store.get('r1', 'laptop')?.answer).toEqual({ id: 'r1', status: 'completed' })
  expect(store.item('out_r1', 'laptop')).toBeUndefined()
  expect(store.delete('r1', 'laptop')).toBe(true)
  expect(store.get('r1', 'laptop')).toBeUndefined()
})

test('what only points at an item does not stand in its place', () => {
  const store = createResponseStore({ clock: at({ value: 0 }) })
  const reference = { type: 'item_reference', id: 'out_r1' }
  store.put(entry('r1'))
  store.put(entry('r2', { input: [reference], pointers: ['out_r1'], previousId: 'r1' }))
  expect(store.item('out_r1', 'laptop')?.read()).toEqual({ id: 'out_r1', type: 'message' })
  expect(store.history('r2', 'laptop')?.read()).toContainEqual(reference)
})

test('the bound is on memory: JSON that takes many times its length when it is read is kept as it is written', () => {
  const store = createResponseStore({ clock: at({ value: 0 }) })
  const empty = Array.from({ length: 20_000 }, () => ({}))
  // Within a budget that the objects would break ten times over, none has to make room.
  const before = process.memoryUsage().heapUsed
  for (let count = 0; count < 50; count += 1)
    store.put(entry(`r${count}`, { answer: { empty: structuredClone(empty) } }))
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(40_000_000)
  expect(store.get('r0', 'laptop')?.answer).toEqual({ empty })
})

test('items without a byte in them take room all the same', () => {
  const store = createResponseStore({ clock: at({ value: 0 }), bytesMax: 30_000 })
  store.put(entry('r1', { input: Array.from({ length: 100 }, (_, place) => ({ id: `i${place}` })) }))
  expect(store.get('r1', 'laptop')).toBeUndefined()
})

test('an id says whether it is somebody else’s, and no longer where it is gone', () => {
  const store = createResponseStore({ clock: at({ value: 0 }) })
  store.put(entry('r1'))
  const asked = () => ['r1', 'out_r1', 'unknown'].map((id) => store.isOthers(id, 'phone'))
  expect(asked()).toEqual([true, true, false])
  expect(store.isOthers('r1', 'laptop')).toBe(false)
  store.put(entry('r1', { owner: 'phone' }))
  expect(asked()).toEqual([false, false, false])
  store.delete('r1', 'phone')
  store.delete('r1', 'laptop')
  expect(asked()).toEqual([false, false, false])
})
