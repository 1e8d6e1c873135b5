import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../errors/gateway-error.ts'
import { openaiChat } from './index.ts'

const base = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }
const peek = (value: unknown) =>
  openaiChat.peek(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), 'chat')
const refusal = (value: unknown) => {
  try {
    peek(value)
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown
    throw thrown
  }
  return undefined
}

describe('fault 92: what is not JSON is refused with a position', () => {
  test.each([
    '',
    '{"model":"m"',
    '{"model":"m"} x',
    '{"model":"m","model":"m"}',
    '{"n":NaN}',
    'nope',
    '{"a":01}',
  ])('%j', (body) => {
    const error = refusal(body)
    expect(error?.code).toBe('invalid_json')
    expect(error?.message).toMatch(/at byte \d+|empty/)
  })
})

test('fault 94: depth, keys and elements are bounded, and quickly', () => {
  const bodies = [
    `{"a":${'['.repeat(100_000)}`,
    `{${Array.from({ length: 200_000 }, (_, index) => `"k${index}":1`).join(',')}}`,
  ]
  for (const body of bodies) expect(refusal(body)?.code).toBe('invalid_json')
})

test('fault 96: invalid UTF-8 is refused, lone surrogates and NUL in strings pass', () => {
  const bytes = Buffer.from('{"model":"m","messages":["?"]}')
  bytes[bytes.indexOf('?')] = 0xff
  expect(() => openaiChat.peek(bytes, 'chat')).toThrow(GatewayError)
  expect(peek('{"model":"m\\ud800\\u0000","messages":[1]}').modelId).toBe('m\ud800\0')
})

describe('faults 98 and 99: wrong types and extremes name their field', () => {
  test.each([
    ['messages', {}],
    ['messages', []],
    ['messages', 'hi'],
    ['messages', null],
    ['model', null],
    ['model', 3],
    ['model', ' '],
    ['model', 'x'.repeat(513)],
    ['stream', 'true'],
    ['stream', 1],
    ['max_tokens', '9e99'],
    ['max_tokens', -1],
    ['max_tokens', 0],
    ['max_tokens', 2 ** 31 + 1],
    ['max_tokens', 2 ** 53],
    ['max_completion_tokens', 2 ** 63],
    ['max_completion_tokens', 1.5],
    ['n', 1e9],
    ['n', 0],
    ['n', 129],
    ['temperature', 'NaN'],
    ['top_p', true],
    ['presence_penalty', []],
    ['frequency_penalty', {}],
    ['stop', 7],
    ['tools', {}],
    ['tool_choice', 1],
    ['response_format', 'json'],
    ['stream_options', []],
    ['metadata', 'x'],
    ['logprobs', 5],
  ])('%s: %j', (field, value) => {
    const error = refusal({ ...base, [field]: value })
    expect([error?.code, error?.facts.param]).toEqual(['invalid_request', field])
  })

  test('a number beyond the range of numbers', () => {
    expect(refusal('{"model":"m","messages":[1],"temperature":1e999}')?.facts.param).toBe('temperature')
    expect(refusal(`{"model":"m","messages":[1],"seed":${'9'.repeat(100)}}`)?.facts.param).toBe('seed')
  })
})

test('null means absent, and whole numbers may be spelled in any way', () => {
  const nulls = {
    stream: null,
    n: null,
    max_tokens: null,
    temperature: null,
    stop: null,
    tools: null,
    stream_options: null,
  }
  expect(peek({ ...base, ...nulls })).toMatchObject({
    stream: false,
    candidateCount: 1,
    wantsStreamUsage: false,
  })
  expect(peek('{"model":"m","messages":[ 1 ],"max_tokens":1e3,"n":2.0}')).toMatchObject({
    maxOutputTokens: 1000,
    candidateCount: 2,
  })
})

test('reads the ceiling, the usage wish and the wish for audio', () => {
  expect(peek({ ...base, max_tokens: 5, max_completion_tokens: 9 }).maxOutputTokens).toBe(9)
  expect(peek({ ...base, stream: true, stream_options: { include_usage: true } })).toMatchObject({
    stream: true,
    wantsStreamUsage: true,
  })
  expect(peek({ ...base, modalities: ['text', 'audio'], audio: {} }).isPlainOnly).toBe(true)
  expect(peek({ ...base, modalities: ['text'] })).not.toHaveProperty('isPlainOnly')
})

test('agrees with JSON.parse on any object it accepts, and refuses none that is well-typed', () => {
  const key = fc.string({ maxLength: 12 }).map((name) => `x_${name}`)
  const extra = fc.dictionary(key, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6 })
  const model = fc
    .string({ minLength: 1, unit: 'binary', maxLength: 100 })
    .filter((name) => name.trim() !== '' && name.length < 500)
  const request = fc.record({
    model,
    more: extra,
    stream: fc.boolean(),
    max: fc.integer({ min: 1, max: 2 ** 31 }),
  })
  const agrees = fc.property(request, fc.nat(3), ({ more, max, ...asked }, indent) => {
    const fields: Record<string, unknown> = { ...more, ...asked, messages: [more], max_tokens: max }
    const body = Buffer.from(JSON.stringify(fields, null, indent))
    const parsed: unknown = JSON.parse(body.toString())
    const envelope = openaiChat.peek(body, 'chat')
    const spans = [...envelope.fields].map(([name, { start, end }]) => [
      name,
      JSON.parse(body.toString('utf8', start, end)),
    ])
    return (
      JSON.stringify(Object.fromEntries(spans)) === JSON.stringify(parsed) &&
      // A lone surrogate survives only as its escape, so the name is compared as JSON says it.
      JSON.stringify(envelope.modelId) === JSON.stringify(asked.model) &&
      envelope.stream === asked.stream &&
      envelope.maxOutputTokens === max
    )
  })
  expect(fc.check(agrees, { numRuns: 150 })).toMatchObject({ failed: false })
})
