import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../errors/gateway-error.ts'
import {
  readGeminiAnswer,
  readOpenaiAnswer,
  toBase64,
  withBase64,
  writeGeminiAnswer,
  writeOpenaiAnswer,
} from './embeddings-answer.ts'

const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const parsed = (answer: Uint8Array): unknown => JSON.parse(Buffer.from(answer).toString())

/** The bits of a list of float32. */
function bits(numbers: readonly number[]): string {
  return Buffer.from(Float32Array.from(numbers).buffer).toString('hex')
}

function decode(base64: string): readonly number[] {
  const { buffer, byteOffset, length } = Buffer.from(base64, 'base64')
  return [...new Float32Array(buffer.slice(byteOffset, byteOffset + length))]
}

const float32 = fc.float({ noNaN: true, noDefaultInfinity: true })

describe('numbers survive bit for bit', () => {
  test('21: as base64 of little-endian float32', () => {
    fc.assert(
      fc.property(fc.array(float32, { minLength: 1 }), (vector) => {
        expect(bits(decode(toBase64(vector)))).toBe(bits(vector))
      }),
    )
    expect(toBase64([1])).toBe('AACAPw==')
  })

  test('from one dialect into another and back, as text', () => {
    fc.assert(
      fc.property(fc.array(float32, { minLength: 1 }), (vector) => {
        const google = writeGeminiAnswer({ vectors: [vector] }, false)
        const openai = writeOpenaiAnswer(readGeminiAnswer(google), { modelId: 'm', isBase64: false })
        const [read = []] = readOpenaiAnswer(openai).vectors
        expect(bits(read)).toBe(bits(vector))
      }),
    )
  })

  test('the sign of a negative zero included', () => {
    const answer = writeOpenaiAnswer({ vectors: [[-0]] }, { modelId: 'm', isBase64: false })
    expect(Buffer.from(answer).toString()).toContain('[-0]')
    const encoded = withBase64(bytes('{"data":[{"embedding":[-0.0]}]}'))
    expect(parsed(encoded ?? bytes('{}'))).toEqual({ data: [{ embedding: 'AAAAgA==' }] })
  })

  test('a number that is no float32 is left as it is where numbers are asked for', () => {
    const answer = readGeminiAnswer(bytes('{"embedding":{"values":[0.1234567890123456]}}'))
    const written = writeOpenaiAnswer(answer, { modelId: 'm', isBase64: false })
    expect(parsed(written)).toMatchObject({ data: [{ embedding: [0.1234567890123456] }] })
  })
})

describe('an answer', () => {
  test('is put in the order of its indexes', () => {
    const answer = {
      data: [
        { index: 1, embedding: [2] },
        { index: 0, embedding: [1] },
      ],
    }
    expect(readOpenaiAnswer(bytes(answer)).vectors).toEqual([[1], [2]])
  })

  test('reports no usage where the provider reported none', () => {
    const written = writeOpenaiAnswer({ vectors: [[1]] }, { modelId: 'm', isBase64: false })
    expect(parsed(written)).not.toHaveProperty('usage')
    expect(parsed(writeGeminiAnswer({ vectors: [[1]] }, true))).toEqual({ embedding: { values: [1] } })
  })

  test.each([
    '{}',
    '{"data":[]}',
    '{"data":[{"embedding":[]}]}',
    '{"data":[{"embedding":["a"]}]}',
    '{"data":[{"embedding":"AACAPw=="}]}',
    'no json',
  ])('that is none is refused: %s', (text) => {
    expect(() => readOpenaiAnswer(bytes(text))).toThrow(GatewayError)
  })

  test('with base64 in it already is left alone', () => {
    expect(withBase64(bytes({ data: [{ embedding: 'AACAPw==' }] }))).toBeUndefined()
  })
})
