import { expect, test } from 'vitest'
import { anthropicMessages, openaiChat } from '../dialects/index.ts'
import { createTranslator } from './translator.ts'

const options = { responseId: 'r', modelId: 'm', createdAtS: 1, wantsUsage: true, watch: { note: () => {} } }
const data = (value: unknown) => Buffer.from(`data: ${JSON.stringify(value)}\n\n`)
const chunk = (delta: object, finish: string | null = null) =>
  data({ id: 'c', choices: [{ index: 0, delta, finish_reason: finish }] })

test('rung 0: a translated stream knows when it is inside a tool call', () => {
  const pipe = createTranslator(openaiChat, anthropicMessages, options)
  const begun = { tool_calls: [{ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } }] }
  const seen = [
    chunk({ content: 'Hi' }),
    chunk(begun),
    chunk({}, 'tool_calls'),
    Buffer.from('data: [DONE]\n\n'),
  ].map((bytes) => {
    pipe.read(bytes)
    return pipe.facts.isInToolCall
  })
  expect(seen).toEqual([false, true, true, false])
})
