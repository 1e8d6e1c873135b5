import { describe, expect, test } from 'vitest'
import { NdjsonParser } from './ndjson.ts'

const bytesOf = (text: string) => Buffer.from(text)

function linesOf(chunks: readonly Uint8Array[]): readonly string[] {
  const parser = new NdjsonParser()
  return [...chunks.flatMap((chunk) => parser.read(chunk)), ...parser.end()]
}

describe('lines of JSON', () => {
  const text = '{"a":"é🌦"}\n{"b":1}\r\n\n  \n{"c":"x\\ny"}'
  const lines = ['{"a":"é🌦"}', '{"b":1}', '{"c":"x\\ny"}']

  test('come out whole, blank ones left out, the last without its end', () => {
    expect(linesOf([bytesOf(text)])).toEqual(lines)
  })

  test('come out the same cut anywhere', () => {
    const bytes = bytesOf(text)
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(linesOf([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(lines)
    }
    expect(linesOf(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)))).toEqual(lines)
  })

  test('come out as soon as they are whole', () => {
    const parser = new NdjsonParser()
    expect(parser.read(bytesOf('{"a":1}'))).toEqual([])
    expect(parser.read(bytesOf('\n{"b"'))).toEqual(['{"a":1}'])
    expect(parser.end()).toEqual(['{"b"'])
    expect(parser.end()).toEqual([])
    expect(parser.read(bytesOf('{}\n'))).toEqual([])
  })

  test('survive a buffer that is used again by its owner', () => {
    const parser = new NdjsonParser()
    const chunk = bytesOf('{"a":')
    parser.read(chunk)
    chunk.fill(0x20)
    expect(parser.read(bytesOf('1}\n'))).toEqual(['{"a":1}'])
  })

  test('have a bound, in one piece and in many', () => {
    const line = bytesOf('x'.repeat(11))
    const whole = new NdjsonParser({ lineBytesMax: 10 })
    expect(() => whole.read(Buffer.concat([line, bytesOf('\n')]))).toThrow(/more than 10 bytes/)
    const piecewise = new NdjsonParser({ lineBytesMax: 10 })
    piecewise.read(line.subarray(0, 6))
    expect(() => piecewise.read(line.subarray(6))).toThrow(/more than 10 bytes/)
    expect(piecewise.read(bytesOf('{}\n'))).toEqual([])
  })
})
