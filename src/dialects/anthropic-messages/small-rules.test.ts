/** The small rules that the faces of this dialect share. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anthropicMessages } from './index.ts'
import { modelTraits } from './model-family.ts'
import { inputValue } from './raw-block.ts'
import { sanitiseToolId, ToolIds } from './tool-ids.ts'
import { mergeUsage, readUsage, writeUsage } from './usage.ts'

test('tells what a model takes from the version in its name', () => {
  const thinking = (name: string) => modelTraits(name).thinking
  for (const name of [
    'claude-3-5-sonnet-20241022',
    'claude-3-opus-20240229',
    'claude-2.1',
    'claude-instant-1.2',
  ]) {
    expect(thinking(name), name).toBe('none')
  }
  for (const name of [
    'claude-3-7-sonnet-latest',
    'claude-opus-4-20250514',
    'claude-haiku-4-5@20251001',
    'us.anthropic.claude-sonnet-4-5-20250929-v1:0',
  ]) {
    expect(thinking(name), name).toBe('budget')
  }
  for (const name of [
    'claude-opus-4-6',
    'claude-opus-4.7',
    'claude-sonnet-5',
    'claude-fable-5',
    'claude-opus-4-10',
  ]) {
    expect(thinking(name), name).toBe('adaptive')
  }
  expect(modelTraits('claude-opus-4-6').takesSampling).toBe(true)
  expect(modelTraits('claude-opus-4-7').takesSampling).toBe(false)
  for (const name of ['kimi-k2', 'claude-latest', 'glm-4.6']) {
    expect(modelTraits(name), name).toMatchObject({ thinking: 'budget', takesSampling: true })
  }
})

test('models go on with a message of the assistant up to 4.5; a name without a version promises nothing', () => {
  const takes = (name: string) => modelTraits(name).takesPrefill
  for (const name of [
    'claude-3-5-haiku-20241022',
    'claude-sonnet-4-20250514',
    'claude-opus-4-1',
    'claude-haiku-4-5@20251001',
  ])
    expect(takes(name), name).toBe(true)
  for (const name of [
    'claude-opus-4-6',
    'claude-sonnet-4.6',
    'claude-sonnet-5',
    'claude-opus-4-10',
    'glm-4.6',
  ])
    expect(takes(name), name).toBe(false)
})

test('tool ids keep what is allowed and replace the rest', () => {
  expect(sanitiseToolId('toolu_01-Az')).toBe('toolu_01-Az')
  expect(sanitiseToolId('functions.add:0')).toBe('functions_add_0')
  fc.assert(fc.property(fc.string(), (id) => /^[a-zA-Z0-9_-]*$/.test(sanitiseToolId(id))))
})

test('arguments that are none are an empty object, and broken ones stay the text they are', () => {
  expect(['', ' ', 'null', '{"a":1}', '{"a":'].map(inputValue)).toEqual([{}, {}, {}, { a: 1 }, '{"a":'])
})

test('tool results find their calls, also where ids clash', () => {
  const ids = new ToolIds()
  expect([ids.call('a.b'), ids.call('a:b'), ids.call('a.b')]).toEqual(['a_b', 'a_b_2', 'a_b_3'])
  expect([ids.result('a.b'), ids.result('a:b'), ids.result('a.b')]).toEqual(['a_b', 'a_b_2', 'a_b_3'])
  expect([ids.result('a.b'), ids.result('never.called')]).toEqual(['a_b_3', 'never_called'])
})

test('usage survives a round trip with cached tokens inside the input', () => {
  fc.assert(
    fc.property(
      fc.nat(1e6),
      fc.nat(1e6),
      fc.nat(1e6),
      fc.nat(1e6),
      (fresh, cacheRead, cacheWrite, output) => {
        const usage = {
          inputTokens: fresh + cacheRead + cacheWrite,
          outputTokens: output,
          cacheReadTokens: cacheRead,
          cacheWriteTokens: cacheWrite,
        }
        const { raw: _raw, ...read } = readUsage(writeUsage(usage))
        expect(read).toEqual(usage)
      },
    ),
  )
})

test('usage whose parts exceed the whole is never negative', () => {
  expect(writeUsage({ inputTokens: 1, cacheReadTokens: 5 })['input_tokens']).toBe(0)
})

test('merging usage keeps a key named __proto__ a key', () => {
  const nasty = JSON.parse('{"__proto__":{"polluted":1}}') as Record<string, never>
  mergeUsage({ input_tokens: 1 }, nasty)
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
})

test('knows its paths, its version and what may be forwarded, never a key', () => {
  expect(anthropicMessages.path({ operation: 'chat', modelId: 'm', stream: false })).toBe('/messages')
  expect(anthropicMessages.path({ operation: 'count-tokens', modelId: 'm', stream: false })).toBe(
    '/messages/count_tokens',
  )
  expect(anthropicMessages.requestHeaders).toEqual({ 'anthropic-version': '2023-06-01' })
  expect(anthropicMessages.forwardedHeaders).toContain('anthropic-beta')
  for (const header of anthropicMessages.forwardedHeaders) {
    expect(header).not.toMatch(/authorization|api-key|cookie|host/)
  }
})
