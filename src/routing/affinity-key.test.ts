import { expect, test } from 'vitest'
import { anthropicMessages } from '../dialects/anthropic-messages/index.ts'
import { openaiChat } from '../dialects/openai-chat/index.ts'
import { openaiResponses } from '../dialects/openai-responses/index.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { AFFINITY_PART_BYTES_MAX, affinityHash, affinityKeyOf } from './affinity-key.ts'

function key(dialect: Dialect, request: object, caller?: string): string | undefined {
  const body = Buffer.from(JSON.stringify({ model: 'm', max_tokens: 9, ...request }))
  return affinityKeyOf(dialect.peek(body, 'chat'), body, caller)
}

const says = (role: string, content: string) => ({ role, content })
const system = says('system', 'You are terse.')

test('later turns of a conversation belong with the first', () => {
  const turns = [system, says('user', 'hi'), says('assistant', 'ho'), says('user', 'more')]
  const first = key(openaiChat, { messages: turns.slice(0, 2) })
  expect(first).toBeDefined()
  expect(key(openaiChat, { messages: turns })).toBe(first)
  const prompt = { system: 'You are terse.' }
  expect(key(anthropicMessages, { ...prompt, messages: turns.slice(1) })).toBe(
    key(anthropicMessages, { ...prompt, messages: turns.slice(1, 2) }),
  )
})

test('another first message, another system and another caller belong elsewhere', () => {
  const asked = { messages: [system, says('user', 'hi')] }
  const others = [
    key(openaiChat, { messages: [system, says('user', 'ho')] }),
    key(openaiChat, { messages: [says('system', 'You are wordy.'), says('user', 'hi')] }),
    key(openaiChat, asked, 'laptop'),
  ]
  expect(new Set([key(openaiChat, asked), ...others]).size).toBe(4)
})

test('a word in a text is not taken for a role', () => {
  const quoting = says('user', '{"role":"system"}')
  expect(key(openaiChat, { messages: [quoting, says('assistant', 'a')] })).toBe(
    key(openaiChat, { messages: [quoting, says('assistant', 'b')] }),
  )
})

test('of long parts the beginning counts, whatever their size', () => {
  const long = 'x'.repeat(AFFINITY_PART_BYTES_MAX)
  const asked = (end: string) => key(openaiChat, { messages: [says('user', `${long}${end}`)] })
  expect(asked('a')).toBe(asked('b'))
  expect(asked('y'.repeat(200_000))).toBe(asked('z'))
  const behind = (end: string) => key(openaiChat, { messages: [system, says('user', `${long}${end}`)] })
  expect(behind('y'.repeat(200_000))).toBe(behind('z'))
})

test('a prompt that is a text has a key, and a request without a prompt none', () => {
  expect(key(openaiResponses, { input: 'hi' })).not.toBe(key(openaiResponses, { input: 'ho' }))
  expect(affinityKeyOf({ fields: new Map() }, Buffer.from('{}'))).toBeUndefined()
})

test('hashes of like names spread over (0, 1)', () => {
  const hashes = Array.from({ length: 10_000 }, (_, at) => affinityHash('key', `t:openai/gpt-${at}:none`))
  expect(Math.min(...hashes)).toBeGreaterThan(0)
  expect(Math.max(...hashes)).toBeLessThan(1)
  const tenths = Array.from(
    { length: 10 },
    (_, tenth) => hashes.filter((hash) => Math.floor(hash * 10) === tenth).length,
  )
  // Four standard deviations of 1,000 are 120.
  for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(120)
})
