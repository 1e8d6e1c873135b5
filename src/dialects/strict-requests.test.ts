/** The rules find what they are there to find; else the tests that rely on them could not fail. */

import { expect, test } from 'vitest'
import { chatRequestFaults, messagesRequestFaults } from './strict-requests.test-support.ts'

test('the rules of OpenAI find calls without results, wrong names and fields of the other dialect', () => {
  const call = { id: 'a', type: 'function', function: { name: 'f f', arguments: {} } }
  expect(
    chatRequestFaults({
      system: 's',
      tool_choice: 'auto',
      messages: [
        { role: 'assistant', tool_calls: [call] },
        { role: 'user', content: null },
        { role: 'tool', tool_call_id: 'b', content: '' },
        { role: 'robot', content: '' },
      ],
    }),
  ).toEqual([
    'calls without results: a',
    'a result for no open call: b',
    'messages[0]: name',
    'messages[0]: arguments',
    'messages[1]: no content',
    'messages[3]: role',
    'tool_choice without tools',
    'system is no field of this API',
  ])
})

test('the rules of Anthropic find turns, results, blank texts and ids that it refuses', () => {
  const call = (id: string) => ({ type: 'tool_use', id, name: 'f', input: 'x' })
  expect(
    messagesRequestFaults({
      stop: 'x',
      system: ' ',
      messages: [
        { role: 'user', content: [] },
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: [call('a:1'), call('a:1')] },
        {
          role: 'user',
          content: [
            { type: 'text', text: '\n' },
            { type: 'tool_result', tool_use_id: 'b' },
          ],
        },
        { role: 'system', content: 'late' },
      ],
      tools: [{ name: 'f', input_schema: {} }],
    }),
  ).toEqual([
    'messages[1]: the same role again',
    'messages[3]: results b for calls a:1,a:1',
    'an id of a call is used twice',
    'messages[0]: empty',
    'messages[2]: id of a call',
    'messages[2]: input is no object',
    'messages[2]: id of a call',
    'messages[2]: input is no object',
    'messages[3]: results do not stand first',
    'messages[3]: a text that is empty',
    'messages[4]: role',
    'a text that is empty',
    'tools[0]: input_schema',
    'max_tokens',
    'stop is no field of this API',
  ])
})
