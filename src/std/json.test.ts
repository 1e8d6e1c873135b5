import { expect, test } from 'vitest'
import { arrayOf, isJsonObject, numberOf, objectOf, parseJson, stringOf } from './json.ts'

const strange: readonly unknown[] = [undefined, null, true, 0, '', [], {}, Number.NaN, () => {}]

test('each question takes only its own kind', () => {
  expect(strange.filter(isJsonObject)).toEqual([{}])
  expect(strange.map(stringOf).filter((one) => one !== undefined)).toEqual([''])
  expect(strange.map(numberOf).filter((one) => one !== undefined)).toEqual([0])
  expect(strange.map(objectOf).filter((one) => one !== undefined)).toEqual([{}])
  expect(strange.map((one) => arrayOf(one).length)).toEqual(strange.map(() => 0))
  expect(arrayOf([1, 2])).toEqual([1, 2])
})

test('numbers that are not finite are none', () => {
  expect([Number.NaN, Number.POSITIVE_INFINITY, JSON.parse('1e999')].map(numberOf)).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})

test('what is not JSON parses to undefined', () => {
  expect(parseJson('{"a":[1]}')).toEqual({ a: [1] })
  expect(parseJson('null')).toBeNull()
  for (const text of ['', '{', 'NaN', '{"a":1} x', '\uFEFF{}']) expect(parseJson(text)).toBeUndefined()
})

test('SEC-30: __proto__ in JSON touches no prototype', () => {
  const parsed = parseJson('{"__proto__":{"polluted":true}}')
  expect(isJsonObject(parsed)).toBe(true)
  expect({}).not.toHaveProperty('polluted')
  expect(parsed).not.toHaveProperty('polluted')
})
