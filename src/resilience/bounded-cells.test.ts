import { expect, test } from 'vitest'
import { BoundedCells } from './bounded-cells.ts'

const isIdle = (cell: { isIdle: boolean }) => cell.isIdle

test('the oldest idle cell makes room', () => {
  const cells = new BoundedCells<{ isIdle: boolean }>(3)
  for (const [name, idle] of [
    ['busy', false],
    ['old', true],
    ['young', true],
  ] as const) {
    expect(cells.makeRoom(isIdle)).toBe(true)
    cells.add(name, { isIdle: idle })
  }
  expect(cells.makeRoom(isIdle)).toBe(true)
  expect([...cells.entries()].map(([name]) => name)).toEqual(['young', 'busy'])
})

test('nothing in use is forgotten, and the search for something idle is short', () => {
  const cells = new BoundedCells<{ isIdle: boolean }>(100)
  for (let count = 0; count < 100; count += 1) cells.add(`${count}`, { isIdle: count >= 12 })
  expect(cells.makeRoom(isIdle)).toBe(false)
  expect([...cells.entries()]).toHaveLength(100)
  // The next search goes on where that one ended.
  expect(cells.makeRoom(isIdle)).toBe(true)
  expect(cells.get('12')).toBeUndefined()
  expect(cells.get('0')).toBeDefined()
})
