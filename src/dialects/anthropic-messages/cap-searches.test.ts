import { expect, test } from 'vitest'
import { capSearches } from './cap-searches.ts'

const search = { type: 'web_search_20250305', name: 'web_search' }

test('each search that says nothing of it is told how often, and nothing else is', () => {
  const others = [
    { ...search, max_uses: 9 },
    { type: 'web_fetch_20250910', name: 'web_fetch' },
    { name: 'web_search', input_schema: {} },
    'none of them',
  ]
  const request = { model: 'm', tools: [search, { ...search, max_uses: null }, ...others] }
  expect(capSearches(request, 4)).toEqual({
    model: 'm',
    tools: [{ ...search, max_uses: 4 }, { ...search, max_uses: 4 }, ...others],
  })
})

test.each([{}, { tools: null }, { tools: [{ ...search, max_uses: 0 }] }])(
  'what offers none, or says how often, stays as it is: %j',
  (request) => {
    expect(capSearches(request, 4)).toBe(request)
  },
)
