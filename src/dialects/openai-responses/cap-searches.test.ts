import { expect, test } from 'vitest'
import { capSearches } from './cap-searches.ts'

const tools = [{ type: 'web_search' }, { type: 'function', name: 'f' }, { type: 'custom', name: 'c' }]

test('where searching is all that the provider does by itself, it is told how often', () => {
  expect(capSearches({ model: 'm', tools }, 4)).toEqual({ model: 'm', tools, max_tool_calls: 4 })
  const older = { tools: [{ type: 'web_search_preview' }], max_tool_calls: null, prompt: null }
  expect(capSearches(older, 4)).toEqual({ ...older, max_tool_calls: 4 })
})

test.each([
  ['it is said', { tools, max_tool_calls: 9 }],
  ['another tool would be cut short with it', { tools: [...tools, { type: 'file_search' }] }],
  ['a prompt that is kept may have others', { tools, prompt: { id: 'p' } }],
  ['there are no tools', { model: 'm' }],
])('where %s, the request stays as it is', (_where, request) => {
  expect(capSearches(request, 4)).toBe(request)
})
