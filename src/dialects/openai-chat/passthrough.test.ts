import { describe, expect, test } from 'vitest'
import { passThrough } from '../dialect.contract.ts'
import { openaiChat } from './index.ts'

const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const chunk = (choices: unknown, more: object = {}) => data({ id: 'c1', model: 'm', choices, ...more })
const delta = (value: object, finishReason: string | null = null) =>
  chunk([{ index: 0, delta: value, finish_reason: finishReason }])
const DONE = 'data: [DONE]\n\n'
const usage = { prompt_tokens: 1, completion_tokens: 2 }

const pass = (text: string, hidesUsage = false) => passThrough(openaiChat, [Buffer.from(text)], hidesUsage)

test('hides the usage-only chunk it was told to hide, and no other', () => {
  const first = chunk([], { prompt_filter_results: [] })
  const text = chunk([{ index: 0, delta: { content: 'a' }, finish_reason: 'stop' }], { usage })
  const tail = chunk([], { usage })
  expect(pass(first + text + tail + DONE, true)).toBe(first + text + DONE)
  expect(pass(first + text + tail + DONE)).toBe(first + text + tail + DONE)
  const passthrough = openaiChat.createPassthrough({ hidesUsage: true })
  passthrough.read(Buffer.from(text + tail))
  expect(passthrough.facts.usage).toMatchObject({ inputTokens: 1, outputTokens: 2 })
})

test('fault 60: adds the [DONE] that a whole answer lacks, and only then', () => {
  expect(pass(delta({ content: 'a' }, 'stop'))).toBe(delta({ content: 'a' }, 'stop') + DONE)
  expect(pass(delta({ content: 'a' }))).toBe(delta({ content: 'a' }))
  expect(pass(delta({ content: 'a' }) + DONE)).toBe(delta({ content: 'a' }))
})

test('fault 76: nothing passes after [DONE], not even another', () => {
  const whole = delta({ content: 'a' }, 'stop') + DONE
  expect(pass(whole + delta({ content: 'b' }) + DONE)).toBe(whole)
})

test('fault 61: broken events are left out', () => {
  expect(pass(delta({ content: 'a' }) + 'data: {"cho\n\n' + delta({}, 'stop') + DONE)).toBe(
    delta({ content: 'a' }) + delta({}, 'stop') + DONE,
  )
})

test('fault 88: events and fields nobody knows pass as they came, comments do not', () => {
  const strange = 'id: 7\nevent: brand.new\nretry: 5\ndata: {"x":1.50}\n\n'
  expect(pass(`: ping\n\n${strange}: ping\n\n${delta({ new_field: 'é' }, 'new')}${DONE}`)).toBe(
    strange + delta({ new_field: 'é' }, 'new') + DONE,
  )
})

test('CRLF stays CRLF', () => {
  const text = (delta({ content: 'a' }, 'stop') + DONE).replaceAll('\n', '\r\n')
  expect(pass(text)).toBe(text)
})

test('an error is not let through; it becomes a fact, and nothing follows it', () => {
  const passthrough = openaiChat.createPassthrough({ hidesUsage: false })
  const text =
    delta({ content: 'a' }) + data({ error: { message: 'x', code: 429 } }) + delta({}, 'stop') + DONE
  const out =
    Buffer.from(passthrough.read(Buffer.from(text))).toString() + Buffer.from(passthrough.end()).toString()
  expect(out).toBe(delta({ content: 'a' }))
  expect(passthrough.facts).toMatchObject({
    isComplete: false,
    hasContent: true,
    error: { code: 'rate_limited' },
  })
})

test('fault 78: a plain answer is said as a stream', () => {
  const answer = {
    id: 'x',
    choices: [{ index: 0, message: { content: 'Hi' }, finish_reason: 'stop' }],
    usage,
  }
  const out = pass(JSON.stringify(answer))
  expect(out).toMatch(/"content":"Hi"/)
  expect(out.endsWith(DONE)).toBe(true)
  expect(out.split('[DONE]').length).toBe(2)
})

test('a chunk of clean events is passed on without a copy', () => {
  const bytes = Buffer.from(delta({ content: 'a' }) + delta({ content: 'b' }))
  const out = openaiChat.createPassthrough({ hidesUsage: true }).read(bytes)
  expect([out.buffer, out.byteOffset, out.byteLength]).toEqual([
    bytes.buffer,
    bytes.byteOffset,
    bytes.byteLength,
  ])
})

describe('content', () => {
  const hasContent = (text: string) => {
    const passthrough = openaiChat.createPassthrough({ hidesUsage: false })
    passthrough.read(Buffer.from(text))
    return passthrough.facts.hasContent
  }

  test('comments, a role, empty strings and lists, usage and filter results are none', () => {
    expect(hasContent(`: OPENROUTER PROCESSING\n\n`)).toBe(false)
    expect(
      hasContent(delta({ role: 'assistant', content: '', reasoning: null, tool_calls: [], refusal: '' })),
    ).toBe(false)
    expect(hasContent(delta({ function_call: { name: '' }, audio: { data: '' } }))).toBe(false)
    expect(hasContent(chunk([], { usage }))).toBe(false)
    expect(hasContent(delta({}, 'stop'))).toBe(false)
  })

  test.each([
    { content: 'a' },
    { content: [{ type: 'text', text: 'a' }] },
    { reasoning: 'r' },
    { reasoning_content: 'r' },
    { refusal: 'n' },
    { tool_calls: [{ index: 0, function: { name: 'f' } }] },
    { function_call: { name: 'f' } },
    { audio: { data: 'AA' } },
  ])('%j is some', (value) => {
    expect(hasContent(delta(value))).toBe(true)
  })
})

test('fault 71: arguments that are not JSON are passed on and said', () => {
  const passthrough = openaiChat.createPassthrough({ hidesUsage: false })
  const call = (text: string) =>
    delta({ tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: text } }] })
  const text = call('{"a":') + delta({}, 'length') + DONE
  expect(Buffer.from(passthrough.read(Buffer.from(text))).toString()).toBe(text)
  expect(passthrough.facts.hasMalformedToolCall).toBe(true)
})

test('fault 68: an event beyond the limit becomes an error', () => {
  const passthrough = openaiChat.createPassthrough({ hidesUsage: false })
  passthrough.read(Buffer.from('data: {"a":"'))
  for (let index = 0; index < 17; index += 1) passthrough.read(Buffer.alloc(1 << 20, 0x61))
  expect(passthrough.facts.error?.code).toBe('event_too_large')
})
