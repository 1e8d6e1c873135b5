import { expect, test } from 'vitest'
import { joinSlices } from './bytes.ts'

const chunk = Buffer.from('one two three')

test('neighbours in one chunk become one slice of it, without a copy', () => {
  const joined = joinSlices([chunk.subarray(0, 4), chunk.subarray(4, 8), chunk.subarray(8)])
  expect(Buffer.from(joined).toString()).toBe('one two three')
  expect([joined.buffer, joined.byteOffset]).toEqual([chunk.buffer, chunk.byteOffset])
})

test('slices with something between them, or of other chunks, are copied together', () => {
  const gap = joinSlices([chunk.subarray(0, 4), chunk.subarray(8)])
  expect(Buffer.from(gap).toString()).toBe('one three')
  const other = joinSlices([chunk.subarray(0, 4), Buffer.from('more')])
  expect(Buffer.from(other).toString()).toBe('one more')
})

test('none is nothing, and one is itself', () => {
  expect(joinSlices([])).toHaveLength(0)
  expect(joinSlices([chunk])).toBe(chunk)
})
