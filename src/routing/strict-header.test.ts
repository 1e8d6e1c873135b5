import { expect, test } from 'vitest'
import { readStrictHeader } from './strict-header.ts'

test('strict is asked for with true, and not with false or nothing', () => {
  expect(readStrictHeader({ 'x-holdfast-strict': 'true' })).toBe(true)
  expect(readStrictHeader({ 'x-holdfast-strict': 'false' })).toBe(false)
  expect(readStrictHeader({})).toBe(false)
})

test('anything else is refused by the name of the header: a mistaken wish must not be dropped', () => {
  for (const value of ['yes', '', ['true', 'true']]) {
    expect(() => readStrictHeader({ 'x-holdfast-strict': value })).toThrow(/x-holdfast-strict/)
  }
})
