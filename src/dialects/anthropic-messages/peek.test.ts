import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../errors/gateway-error.ts'
import { peek } from './peek.ts'

const message = { role: 'user', content: 'Hello' }

function body(fields: object): Buffer {
  return Buffer.from(
    JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 10, messages: [message], ...fields }),
  )
}

function refusal(bytes: Uint8Array, operation: 'chat' | 'count-tokens' = 'chat'): GatewayError {
  try {
    peek(bytes, operation)
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('was not refused')
}

test('learns what routing needs', () => {
  const bytes = body({ stream: true })
  const { fields, ...envelope } = peek(bytes, 'chat')
  expect(envelope).toEqual({
    dialect: 'anthropic-messages',
    operation: 'chat',
    modelId: 'claude-sonnet-4-5',
    stream: true,
    wantsStreamUsage: true,
    maxOutputTokens: 10,
    candidateCount: 1,
    bodyBytes: bytes.length,
    bodyStart: 1,
  })
  expect([...fields.keys()]).toEqual(['model', 'max_tokens', 'messages', 'stream'])
})

test('undoes the escapes of the model name', () => {
  expect(peek(Buffer.from('{"model":"a\\u002fb","max_tokens":1,"messages":[{}]}'), 'chat').modelId).toBe(
    'a/b',
  )
})

test('takes max_tokens 0, which fills the prompt cache, and other spellings of whole numbers', () => {
  expect(peek(body({ max_tokens: 0 }), 'chat').maxOutputTokens).toBe(0)
  expect(peek(Buffer.from('{"model":"m","max_tokens":1e3,"messages":[{}]}'), 'chat').maxOutputTokens).toBe(
    1000,
  )
})

test('asks no max_tokens of a request that only counts', () => {
  const bytes = Buffer.from(JSON.stringify({ model: 'm', messages: [message] }))
  expect(peek(bytes, 'count-tokens').maxOutputTokens).toBeUndefined()
  expect(refusal(bytes).facts.param).toBe('max_tokens')
})

test('takes null for an optional field', () => {
  const nulls = { system: null, tools: null, thinking: null, temperature: null, stream: null, metadata: null }
  expect(peek(body(nulls), 'chat').stream).toBe(false)
})

describe('fault 92: malformed JSON is refused with its position and without an echo', () => {
  const bodies: Readonly<Record<string, string>> = {
    empty: '',
    'not an object': '["SECRET"]',
    cut: '{"model":"SECRET","messages":[',
    'trailing bytes': '{"model":"SECRET","max_tokens":1,"messages":[{}]} x',
    'duplicate keys': '{"model":"SECRET","model":"b","max_tokens":1,"messages":[{}]}',
    NaN: '{"model":"SECRET","max_tokens":NaN,"messages":[{}]}',
  }
  for (const [name, text] of Object.entries(bodies)) {
    test(`when it is ${name}`, () => {
      const error = refusal(Buffer.from(text))
      expect(error.code).toBe('invalid_json')
      expect(error.message).toMatch(/at byte \d+/)
      expect(error.message).not.toContain('SECRET')
    })
  }
})

describe('faults 98 and 99: a field of the wrong type or size is refused by name', () => {
  const faults: readonly (readonly [string, object])[] = [
    ['model', { model: undefined }],
    ['model', { model: 7 }],
    ['model', { model: '' }],
    ['model', { model: 'm'.repeat(300) }],
    ['messages', { messages: undefined }],
    ['messages', { messages: {} }],
    ['messages', { messages: [] }],
    ['messages', { messages: null }],
    ['max_tokens', { max_tokens: undefined }],
    ['max_tokens', { max_tokens: '9e99' }],
    ['max_tokens', { max_tokens: null }],
    ['max_tokens', { max_tokens: -1 }],
    ['max_tokens', { max_tokens: 1.5 }],
    ['max_tokens', { max_tokens: 2 ** 53 }],
    ['max_tokens', { max_tokens: 2 ** 63 }],
    ['stream', { stream: 'true' }],
    ['stream', { stream: 1 }],
    ['temperature', { temperature: -0.1 }],
    ['temperature', { temperature: 'hot' }],
    ['top_p', { top_p: 1.1 }],
    ['top_k', { top_k: 0.5 }],
    ['system', { system: 5 }],
    ['tools', { tools: {} }],
    ['tool_choice', { tool_choice: 'auto' }],
    ['thinking', { thinking: true }],
    ['metadata', { metadata: [] }],
    ['output_config', { output_config: 'x' }],
    ['stop_sequences', { stop_sequences: 'SECRET' }],
    ['service_tier', { service_tier: 1 }],
  ]
  for (const [param, fields] of faults) {
    test(`${param}: ${JSON.stringify(fields).slice(0, 60)}`, () => {
      const error = refusal(body(fields))
      expect(error.code).toBe('invalid_request')
      expect(error.facts.param).toBe(param)
      expect(error.message.startsWith(param)).toBe(true)
      expect(error.message).not.toContain('SECRET')
    })
  }
})

test('fault 95: names of Object.prototype are model names like any other', () => {
  for (const model of ['__proto__', 'constructor', 'toString']) {
    expect(peek(body({ model }), 'chat').modelId).toBe(model)
  }
})

test('fault 94: deep nesting and very many keys are refused at once', () => {
  const deep = Buffer.from(
    `{"model":"m","max_tokens":1,"messages":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
  )
  const wide = Buffer.from(`{"model":"m","max_tokens":1,"messages":[{${'"a":1,'.repeat(1_000_000)}"b":1}]}`)
  expect(refusal(deep).code).toBe('invalid_json')
  expect(refusal(wide).code).toBe('invalid_json')
})

test('fault 96: invalid UTF-8 is refused', () => {
  const bytes = Buffer.concat([
    Buffer.from('{"model":"m'),
    Buffer.from([0xff]),
    Buffer.from('","max_tokens":1,"messages":[{}]}'),
  ])
  expect(refusal(bytes).code).toBe('invalid_json')
})
