import { describe, expect, test } from 'vitest'
import { declaredBody, firstByteAt, framingOf } from './framing.ts'

describe('what a content type claims', () => {
  test.each([
    ['application/json', 'json'],
    ['Application/JSON; charset=utf-8', 'json'],
    ['application/problem+json', 'json'],
    ['application/x-ndjson', 'json'],
    ['text/event-stream;charset=utf-8', 'sse'],
    ['text/plain', 'unknown'],
    ['', 'unknown'],
    [undefined, 'unknown'],
    ['text/html; charset=utf-8', 'foreign'],
    ['image/png', 'foreign'],
    ['nonsense', 'foreign'],
  ] as const)('%s is %s', (type, declared) => {
    expect(declaredBody(type)).toBe(declared)
  })
})

describe('what the first byte says', () => {
  const frame = (declared: 'json' | 'sse' | 'unknown', body: string) => {
    const bytes = Buffer.from(body)
    return framingOf(declared, bytes[firstByteAt(bytes)] ?? 0)
  }

  test.each([
    ['json', '{"a":1}', 'json'],
    ['json', '\uFEFF \r\n\t[1]', 'json'],
    ['json', 'data: {}\n\n', 'stream'],
    ['json', ': ping\n\n', 'stream'],
    ['sse', 'event: ping\n', 'stream'],
    ['sse', '{"error":{}}', 'json'],
    ['sse', 'x-field: 1\n', 'stream'],
    ['unknown', '\n\n{"a":1}', 'json'],
    ['unknown', 'id: 1\n', 'stream'],
    ['unknown', 'retry: 1\n', 'stream'],
    ['unknown', 'Hello', undefined],
    ['json', '<!doctype html>', undefined],
    ['sse', '<html>', undefined],
  ] as const)('declared %s, %j is %s', (declared, body, framing) => {
    expect(frame(declared, body)).toBe(framing)
  })

  test('white space alone says nothing yet', () => {
    expect(firstByteAt(Buffer.from(' \n\r\n\t'))).toBe(-1)
    expect(firstByteAt(Buffer.alloc(0))).toBe(-1)
  })
})
