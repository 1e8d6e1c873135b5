import { expect, test } from 'vitest'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject } from '../../std/json.ts'
import { openaiResponses } from './index.ts'

const peek = (value: unknown, operation: 'chat' | 'count-tokens' = 'chat') =>
  openaiResponses.peek(Buffer.from(JSON.stringify(value)), operation)
const paramOf = (value: unknown) => {
  try {
    peek(value)
  } catch (thrown) {
    return thrown instanceof GatewayError ? thrown.facts.param : thrown
  }
  return 'accepted'
}

test('the ceiling is the one of this dialect, and usage always comes', () => {
  expect(peek({ model: 'm', input: 'hi', max_output_tokens: 7, max_tokens: 9 })).toMatchObject({
    maxOutputTokens: 7,
    wantsStreamUsage: true,
    candidateCount: 1,
  })
  expect(peek({ model: 'm', input: 'hi' }, 'count-tokens').operation).toBe('count-tokens')
})

test('an input may be missing only where something stands in its place', () => {
  expect(paramOf({ model: 'm' })).toBe('input')
  expect(paramOf({ model: 'm', input: '' })).toBe('input')
  expect(paramOf({ model: 'm', input: [] })).toBe('input')
  expect(paramOf({ model: 'm', input: [], previous_response_id: 'resp_1' })).toBe('accepted')
  expect(paramOf({ model: 'm', prompt: { id: 'pmpt_1' } })).toBe('accepted')
  expect(paramOf({ model: 'm', conversation: 'conv_1' })).toBe('accepted')
})

test('fields of the wrong type are refused by name', () => {
  const wrong = { tools: {}, store: 'yes', text: [], reasoning: 'low', instructions: 7, temperature: 'hot' }
  for (const [name, value] of Object.entries(wrong))
    expect(paramOf({ model: 'm', input: 'hi', [name]: value })).toBe(name)
})

const codex = new URL('../../../../shared/clients/codex/', import.meta.url)

test.skipIf(!existsSync(codex))('what Codex sends is read (skipped where its requests are absent)', () => {
  let count = 0
  for (const file of readdirSync(codex)) {
    const { exchanges } = JSON.parse(readFileSync(new URL(file, codex), 'utf8'))
    for (const { request } of exchanges) {
      if (!isJsonObject(request.body) || request.method !== 'POST') continue
      // Long lists are told by their length in these files.
      const { tools } = request.body
      const body = Buffer.from(JSON.stringify({ ...request.body, tools: Array.isArray(tools) ? tools : [] }))
      const envelope = openaiResponses.peek(body, 'chat')
      const read = openaiResponses.readRequest(body)
      expect([file, envelope.stream, read.wantsReasoningState]).toEqual([
        file,
        true,
        read.wantsReasoningState,
      ])
      expect(read.messages.length).toBeGreaterThan(1)
      count += 1
    }
  }
  expect(count).toBeGreaterThan(5)
})
