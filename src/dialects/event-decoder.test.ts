import { expect, test } from 'vitest'
import { BROKEN_IN_ROW_MAX, decodeAnswer, EventDecoder } from './event-decoder.ts'

test('skips and counts what is no object', () => {
  const decoder = new EventDecoder()
  expect(['{"a":1}', '[1]', 'x', '{"b":2}'].map((data) => decoder.decode(data))).toEqual([
    { a: 1 },
    undefined,
    undefined,
    { b: 2 },
  ])
  expect(decoder.anomalies).toBe(2)
})

test('gives up where too many in a row are broken, and only then', () => {
  const decoder = new EventDecoder()
  const skip = () => Array.from({ length: BROKEN_IN_ROW_MAX }, () => decoder.decode('{'))
  skip()
  decoder.decode('{}')
  skip()
  expect(() => decoder.decode('{')).toThrow(/6 events in a row/)
})

test('takes nothing that is nested too deeply', () => {
  const deep = `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}`
  expect(new EventDecoder().decode(deep)).toBeUndefined()
  expect(() => decodeAnswer(Buffer.from(deep))).toThrow(/nested too deeply/)
})
