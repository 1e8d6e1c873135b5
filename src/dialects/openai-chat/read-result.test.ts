import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../errors/gateway-error.ts'
import { openaiChat } from './index.ts'

const read = (value: unknown) =>
  openaiChat.readResult(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)))
const answer = (message: unknown, finishReason: unknown = 'stop', more: object = {}) => ({
  id: 'x',
  model: 'm',
  choices: [{ index: 0, message, finish_reason: finishReason }],
  ...more,
})
const codeOf = (value: unknown) => {
  try {
    read(value)
  } catch (thrown) {
    return thrown instanceof GatewayError ? thrown.code : thrown
  }
  return 'read'
}

describe('fault 49: answers that are none', () => {
  test.each([
    [{}],
    [{ choices: [] }],
    [{ choices: null }],
    [{ choices: [null] }],
    [answer(null)],
    [answer({})],
    [answer({ content: null })],
    [answer({ content: '' })],
    [answer({ content: [] })],
    [answer({ content: null, tool_calls: [], refusal: '' })],
    [answer({ function_call: { name: '', arguments: '' }, audio: { id: '', data: '' } }, '')],
  ])('%j', (value) => {
    expect(codeOf(value)).toBe('empty_response')
  })

  test.each([
    [answer({ content: '' }, 'length')],
    [answer({ content: null }, 'content_filter')],
    [answer({ content: null, refusal: 'No.' })],
    [answer({ content: null, reasoning_content: 'hm' })],
    [answer({ tool_calls: [{ function: { name: 'f', arguments: '{}' } }] }, 'tool_calls')],
  ])('%j is an answer', (value) => {
    expect(codeOf(value)).toBe('read')
  })
})

test('fault 36: an error in a 200 is thrown as its own class', () => {
  expect(codeOf({ error: { message: 'x', code: 429 } })).toBe('rate_limited')
  expect(codeOf({ error: 'The model is at capacity' })).toBe('upstream_overloaded')
  expect(codeOf({ object: 'error', message: 'no', type: 'invalid_request_error', code: 400 })).toBe(
    'upstream_invalid_request',
  )
  expect(codeOf({ ...answer({ content: 'a' }), error: null })).toBe('read')
  expect(
    codeOf({
      choices: [{ message: { content: '' }, finish_reason: 'error', error: { code: 502, message: 'x' } }],
    }),
  ).toBe('upstream_error')
})

test('what is not a JSON object is a bad response', () => {
  for (const body of ['', '   ', '<html></html>', '[]', '"x"', '{"choices":'])
    expect(codeOf(body)).toBe('upstream_bad_response')
})

test('a missing or empty finish reason of a whole body means the usual one', () => {
  expect(read(answer({ content: 'a' }, '')).candidates[0]?.finish).toEqual({ reason: 'stop' })
  const calls = { tool_calls: [{ id: 'a', function: { name: 'f', arguments: '' } }] }
  expect(read(answer(calls, null)).candidates[0]?.finish).toEqual({ reason: 'tool-calls' })
  expect(read(answer(calls, 'tool_call')).candidates[0]?.finish).toEqual({
    reason: 'tool-calls',
    raw: 'tool_call',
  })
})

test('content in parts, thinking included', () => {
  const content = [
    { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
    { type: 'text', text: 'a' },
    { type: 'text', text: 'b' },
    { type: 'refusal', refusal: 'no' },
    { type: 'video', url: 'x' },
  ]
  expect(read(answer({ content })).candidates[0]?.parts).toEqual([
    { type: 'reasoning', text: 'hm' },
    { type: 'text', text: 'ab' },
    { type: 'refusal', text: 'no' },
    { type: 'opaque', dialect: 'openai-chat', value: { type: 'video', url: 'x' } },
  ])
})

test('fields without a word are kept raw, padding is not', () => {
  expect(read(answer({ content: 'a' }, 'stop', { obfuscation: 'xx', timings: { ms: 1 } })).raw).toEqual({
    timings: { ms: 1 },
  })
})
