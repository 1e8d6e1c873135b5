import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { canonicalJson, parseExact } from './canonical-json.ts'

const written = (text: string) => canonicalJson(parseExact(Buffer.from(text)))

describe('canonical JSON', () => {
  test('is one text for all orders of keys and all white space', () => {
    expect(written('{ "b": [1, {"d":2,"c":3}],\n"a":"x" }')).toBe('{"a":"x","b":[1,{"c":3,"d":2}]}')
    expect(written('{"a":"\\u00e9"}')).toBe(written('{"a":"é"}'))
  })

  test('keeps every digit: two numbers that a double confuses stay two', () => {
    expect(written('{"seed":12345678901234567890}')).not.toBe(written('{"seed":12345678901234567891}'))
    expect(written('[0.1234567890123456789]')).toBe('[0.1234567890123456789]')
    expect(written('[1e400]')).not.toBe(written('[1e401]'))
  })

  test('keeps apart a number and its text, null and nothing, and a key of any name', () => {
    const texts = ['{"a":1}', '{"a":"1"}', '{"a":null}', '{}', '{"__proto__":1}', '{"a":{"text":"1"}}']
    expect(new Set(texts.map(written)).size).toBe(texts.length)
  })

  test('is nothing for what is no JSON, or not UTF-8', () => {
    expect(parseExact(Buffer.from('{"a":'))).toBeUndefined()
    expect(parseExact(Buffer.from([0x22, 0xff, 0x22]))).toBeUndefined()
  })

  test('refuses what is too deep for anybody', () => {
    expect(() => written('['.repeat(300) + ']'.repeat(300))).toThrow(RangeError)
  })

  test('says of every value what JSON itself says, but for the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value)
        expect(JSON.parse(written(text))).toEqual(JSON.parse(text))
      }),
    )
  })
})
