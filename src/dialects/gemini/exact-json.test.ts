import { describe, expect, test } from 'vitest'
import { foldEvents, readStream } from '../dialect.contract.ts'
import { parseExactly } from './exact-json.ts'
import { gemini } from './index.ts'

const id = '1234567890123456789'
const args = `{"id":${id},"more":[-9007199254740993,1.5e300,0.1234567890123456789]}`
const call = `{"functionCall":{"name":"find","args":${args}}}`
const answer = `{"candidates":[{"content":{"parts":[${call}]},"finishReason":"STOP"}]}`
const exact = '{"id":1234567890123456789,"more":[-9007199254740993,1.5e+300,0.12345678901234568]}'
const options = { responseId: 'r', modelId: 'm', createdAtS: 1, wantsUsage: true }

describe('whole numbers beyond those that JavaScript counts', () => {
  test('are printed as they were spelled', () => {
    expect(JSON.stringify(parseExactly(args))).toBe(exact)
  })

  test('are not told from others where there are none', () => {
    expect(parseExactly('{"a":123456789012345,"b":"1"}')).toEqual({ a: 123456789012345, b: '1' })
    expect(parseExactly('{"a":9007199254740991}')).toEqual({ a: 9007199254740991 })
    expect(parseExactly(`{"a":${id}`)).toBeUndefined()
  })

  test('survive in the calls of answers, plain and streamed', () => {
    const plain = gemini.readResult(Buffer.from(answer))
    const streamed = foldEvents(readStream(gemini, [Buffer.from(`data: ${answer}\r\n\r\n`)]))
    for (const result of [plain, streamed]) {
      expect(result.candidates[0]?.parts).toMatchObject([{ type: 'tool-call', arguments: exact }])
      expect(gemini.writeResult(result, options).body).toContain(exact)
    }
  })

  test('survive in the calls and results of requests', () => {
    const result = `{"functionResponse":{"name":"find","response":${args}}}`
    const body = `{"contents":[{"role":"model","parts":[${call}]},{"role":"user","parts":[${result}]}]}`
    const read = gemini.readRequest(Buffer.from(body), { modelId: 'm' })
    const { fields } = gemini.writeRequest(read, { modelId: 'm', stream: false })
    expect(JSON.stringify(fields).split(exact)).toHaveLength(3)
  })
})
