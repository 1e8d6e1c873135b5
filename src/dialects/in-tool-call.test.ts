/** Rung 0: whoever lets a stream through knows when it is inside a tool call, so that a cut there leaves nothing behind. */

import { expect, test } from 'vitest'
import type { Dialect } from './dialect.ts'
import { anthropicMessages, gemini, openaiChat, openaiResponses } from './index.ts'

const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const named = (value: { readonly type: string; readonly [field: string]: unknown }) =>
  `event: ${value.type}\n${data(value)}`

const chat = (delta: object, finish_reason: string | null = null) =>
  data({ id: 'c', choices: [{ index: 0, delta, finish_reason }] })
const call = (index: number, fields: object) => chat({ tool_calls: [{ index, ...fields }] })
const block = (index: number, content_block: object) =>
  named({ type: 'content_block_start', index, content_block })
const stop = (index: number) => named({ type: 'content_block_stop', index })
const item = (type: string, index: number, id: string, kind: string) =>
  named({
    type,
    output_index: index,
    item: { id, type: kind, call_id: id, name: 'f', arguments: '{}' },
  })
const args = named({ type: 'response.function_call_arguments.delta', output_index: 1, delta: '{}' })
const part = (value: object) =>
  data({ candidates: [{ content: { parts: [value], role: 'model' }, index: 0 }] })

const cases: readonly (readonly [Dialect, string, readonly (readonly [string, boolean])[]])[] = [
  [
    openaiChat,
    'until something else begins',
    [
      [chat({ role: 'assistant', content: '' }), false],
      [chat({ content: 'Hi', tool_calls: [] }), false],
      [call(0, { id: 'a', function: { name: 'f', arguments: '' } }), true],
      [chat({ content: '' }), true],
      [call(0, { function: { arguments: '{}' } }), true],
      [call(1, { id: 'b', function: { name: 'g', arguments: '{}' } }), true],
      [chat({ content: 'So' }), false],
    ],
  ],
  [
    openaiChat,
    'until the answer ends',
    [
      [call(0, { id: 'a', function: { name: 'f', arguments: '{}' } }), true],
      [chat({}, 'tool_calls'), false],
    ],
  ],
  [openaiChat, 'of the old kind', [[chat({ function_call: { name: 'f', arguments: '{' } }), true]]],
  [
    anthropicMessages,
    'until its block stops',
    [
      [block(0, { type: 'text', text: '' }), false],
      [stop(0), false],
      [block(1, { type: 'tool_use', id: 't', name: 'f', input: {} }), true],
      [named({ type: 'ping' }), true],
      [stop(1), false],
    ],
  ],
  [
    openaiResponses,
    'until its item is done',
    [
      [item('response.output_item.added', 0, 'm', 'message'), false],
      [item('response.output_item.added', 1, 'f', 'function_call'), true],
      [args, true],
      [item('response.output_item.added', 2, 'g', 'custom_tool_call'), true],
      [item('response.output_item.done', 1, 'f', 'function_call'), true],
      [item('response.output_item.done', 2, 'g', 'custom_tool_call'), false],
    ],
  ],
  [
    gemini,
    'only where it comes in pieces',
    [
      [part({ functionCall: { name: 'f', args: {} } }), false],
      [part({ functionCall: { name: 'g', willContinue: true } }), true],
      [
        part({ functionCall: { partialArgs: [{ jsonPath: '$.a', boolValue: true }], willContinue: true } }),
        true,
      ],
      [part({ functionCall: {} }), false],
    ],
  ],
]

test.each(cases)('$id: inside a tool call %s', (dialect, _until, steps) => {
  const { facts, ...passthrough } = passthroughOf(dialect)
  const seen = steps.map(([text]) => {
    passthrough.read(Buffer.from(text))
    return facts.isInToolCall
  })
  expect(seen).toEqual(steps.map(([, isInside]) => isInside))
})

function passthroughOf(dialect: Dialect) {
  const passthrough = dialect.createPassthrough({ hidesUsage: false })
  return { facts: passthrough.facts, read: (bytes: Uint8Array) => passthrough.read(bytes) }
}
