/**
 * Conversations of any shape that one dialect allows, said in the other: a real provider of it would refuse none of them,
 * and nothing that was said is lost. The recordings hold the shapes people use; chance finds the others.
 */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../std/json.ts'
import type { Dialect } from './dialect.ts'
import { anthropicMessages, openaiChat } from './index.ts'
import { chatRequestFaults, messagesRequestFaults } from './strict-requests.test-support.ts'

const RUNS = 500

/** Every word is told apart, so that a lost one shows. */
const word = fc.integer({ min: 1, max: 1e9 }).map((number) => `word${number}.`)
/** Also what people should not send and do. */
const text = fc.oneof({ weight: 6, arbitrary: word }, fc.constantFrom('', ' ', '\n'))
const callId = fc.oneof(
  fc.uuid().map((id) => `call_${id}`),
  // Some servers number the calls of every answer anew.
  fc.constantFrom('functions.f:0', 'functions.f:1', 'call_0', 'call_1'),
)
const tools = ['f', 'g-1', 'h_2']
const toolName = fc.constantFrom(...tools)
const input = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof(word, fc.integer(), fc.boolean()))

describe('any conversation of OpenAI is one that Anthropic takes', () => {
  const part = text.map((said) => ({ type: 'text', text: said }))
  const content = fc.oneof(text, fc.array(part, { minLength: 1, maxLength: 3 }))
  const plain = fc.record({ role: fc.constantFrom('user', 'system', 'developer'), content })
  const spoken = fc.record({
    role: fc.constant('assistant'),
    content: fc.oneof(content, fc.constant(null)),
  })
  const calling = fc
    .record({
      content: fc.oneof(text, fc.constant(null)),
      calls: fc.uniqueArray(fc.tuple(callId, toolName, input, text), {
        minLength: 1,
        maxLength: 3,
        selector: ([id]) => id,
      }),
      isReversed: fc.boolean(),
    })
    .map(({ content: said, calls, isReversed }) => {
      const results = calls.map(([id, , , result]) => ({ role: 'tool', tool_call_id: id, content: result }))
      const toolCalls = calls.map(([id, name, given]) => ({
        id,
        type: 'function',
        function: { name, arguments: JSON.stringify(given) },
      }))
      return [
        { role: 'assistant', content: said, tool_calls: toolCalls },
        ...(isReversed ? results.toReversed() : results),
      ]
    })
  const turn: fc.Arbitrary<readonly object[]> = fc.oneof(
    plain.map((message) => [message]),
    spoken.map((message) => [message]),
    calling,
  )
  const request = fc.array(turn, { minLength: 1, maxLength: 7 }).map((turns) => ({
    model: 'm',
    messages: turns.flat(),
    tools: tools.map((name) => ({ type: 'function', function: { name } })),
  }))

  test('whatever its order', () => {
    fc.assert(
      fc.property(request, (body) => {
        const said = translated(body, openaiChat, anthropicMessages)
        expect(messagesRequestFaults(said)).toEqual([])
        expect(lostWords(body, said)).toEqual([])
      }),
      { numRuns: RUNS },
    )
  })
})

describe('any conversation of Anthropic is one that OpenAI takes', () => {
  const block = word.map((said) => ({ type: 'text', text: said }))
  const blocks = fc.array(block, { minLength: 1, maxLength: 3 })
  const user = fc.record({ role: fc.constantFrom('user', 'system'), content: fc.oneof(word, blocks) })
  const spoken = fc.record({ role: fc.constant('assistant'), content: fc.oneof(word, blocks) })
  const result = fc.oneof(word, fc.constant(undefined), fc.constant(''), fc.array(block, { maxLength: 2 }))
  const calling = fc
    .record({
      before: fc.array(block, { maxLength: 1 }),
      calls: fc.uniqueArray(fc.tuple(fc.uuid(), toolName, input, result, fc.boolean()), {
        minLength: 1,
        maxLength: 3,
        selector: ([id]) => id,
      }),
      after: fc.array(block, { maxLength: 2 }),
    })
    .map(({ before, calls, after }) => [
      {
        role: 'assistant',
        content: [
          ...before,
          ...calls.map(([id, name, given]) => ({ type: 'tool_use', id: `toolu_${id}`, name, input: given })),
        ],
      },
      {
        role: 'user',
        content: [
          ...calls.map(([id, , , content, isError]) => ({
            type: 'tool_result',
            tool_use_id: `toolu_${id}`,
            ...(content === undefined ? {} : { content }),
            ...(isError ? { is_error: true } : {}),
          })),
          ...after,
        ],
      },
    ])
  const turn: fc.Arbitrary<readonly object[]> = fc.oneof(
    user.map((message) => [message]),
    spoken.map((message) => [message]),
    calling,
  )
  const request = fc
    .record({
      system: fc.option(fc.oneof(word, blocks), { nil: undefined }),
      turns: fc.array(turn, { minLength: 1, maxLength: 7 }),
    })
    .map(({ system, turns }) => ({
      model: 'm',
      max_tokens: 100,
      ...(system === undefined ? {} : { system }),
      messages: turns.flat(),
      tools: tools.map((name) => ({ name, input_schema: { type: 'object' } })),
    }))

  test('whatever its order', () => {
    fc.assert(
      fc.property(request, (body) => {
        const said = translated(body, anthropicMessages, openaiChat)
        expect(chatRequestFaults(said)).toEqual([])
        expect(lostWords(body, said)).toEqual([])
      }),
      { numRuns: RUNS },
    )
  })
})

function translated(body: object, from: Dialect, to: Dialect): JsonObject {
  const request = from.readRequest(new TextEncoder().encode(JSON.stringify(body)))
  return to.writeRequest(request, { modelId: 'm', stream: false }).fields
}

function lostWords(sent: object, said: object): readonly string[] {
  const heard = JSON.stringify(said)
  return (JSON.stringify(sent).match(/word\d+\./g) ?? []).filter((each) => !heard.includes(each))
}
