import { expect, test } from 'vitest'
import type { InferenceRequest } from '../canonical/request.ts'
import type { NativeContinuation } from './dialect.ts'
import { anthropicMessages, openaiChat } from './index.ts'

const request: InferenceRequest = {
  modelId: 'm',
  messages: [{ role: 'user', parts: [{ type: 'text', text: 'How is the weather?' }] }],
  stream: true,
  wantsStreamUsage: true,
  maxOutputTokens: 8_000,
}
const options = { modelId: 'claude-sonnet-4-5', stream: true }

function prefill(
  text: string,
  more: Partial<InferenceRequest> = {},
  how: NativeContinuation = 'assistant-prefill',
) {
  return anthropicMessages.writeContinuation?.({ ...request, ...more }, { text, how }, options)?.fields
}

function chat(how: NativeContinuation, more: Partial<InferenceRequest> = {}) {
  return openaiChat.writeContinuation?.({ ...request, ...more }, { text: 'It is 21 ', how }, options)?.fields
}

const endsWithAssistant = {
  messages: [...request.messages, { role: 'assistant', parts: [{ type: 'text', text: '{' }] } as const],
}

test('Anthropic goes on with the last message of the assistant', () => {
  expect(prefill('It is 21')).toMatchObject({
    stream: true,
    messages: [{ role: 'user' }, { role: 'assistant', content: 'It is 21' }],
  })
})

test('Anthropic is not asked for what it refuses', () => {
  expect(prefill('It is ')).toBeUndefined()
  expect(prefill('It is\n')).toBeUndefined()
  expect(prefill('')).toBeUndefined()
  expect(prefill('It', { reasoning: { mode: 'on', budgetTokens: 2_048 } })).toBeUndefined()
  expect(prefill('It', { toolChoice: { type: 'required' } })).toBeUndefined()
  expect(prefill('It', endsWithAssistant)).toBeUndefined()
  expect(prefill('It', {}, 'prefix-flag')).toBeUndefined()
  expect(prefill('It', { reasoning: { mode: 'off' } })).toBeDefined()
})

test.each(['prefix-flag', 'echoed-prefix'] as const)(
  '%s marks the message, and leaves its white space',
  (how) => {
    expect(chat(how)?.['messages']).toMatchObject([
      { role: 'user' },
      { role: 'assistant', content: 'It is 21 ', prefix: true },
    ])
  },
)

test('continue-final-message says so beside the messages', () => {
  const fields = chat('continue-final-message')
  expect(fields).toMatchObject({ continue_final_message: true, add_generation_prompt: false, stream: true })
  expect(JSON.stringify(fields?.['messages'])).not.toContain('prefix')
})

test('a conversation that ends with the assistant already, and a way of another dialect, are not said', () => {
  expect(chat('prefix-flag', endsWithAssistant)).toBeUndefined()
  expect(chat('assistant-prefill')).toBeUndefined()
})
