import { expect, test } from 'vitest'
import { SEARCHES_UNASKED } from '../ledger/search-fee.ts'
import type { JsonObject } from '../std/json.ts'
import { scanJsonObject } from '../wire/json-scan.ts'
import { searchesAsked } from './asked-searches.ts'

function asked(body: JsonObject): number {
  const text = JSON.stringify(body)
  return searchesAsked(scanJsonObject(Buffer.from(text)), text)
}

const claude = (uses?: number) => ({
  type: 'web_search_20250305',
  name: 'web_search',
  ...(uses === undefined ? {} : { max_uses: uses }),
})

test.each([
  ['nothing is offered', {}, 0],
  ['no tool searches', { tools: [{ type: 'function', name: 'web_search' }], max_tool_calls: 9 }, 0],
  ['nobody says how often', { tools: [claude()] }, SEARCHES_UNASKED],
  ['the tool says how often', { tools: [claude(7)] }, 7],
  [
    'another tool says how often it may be used',
    { tools: [claude(), { type: 'web_fetch', max_uses: 1 }] },
    4,
  ],
  [
    'the request says how many tools may be called',
    { tools: [{ type: 'web_search' }], max_tool_calls: 2 },
    2,
  ],
  ['what it says is no number', { tools: [{ type: 'web_search' }], max_tool_calls: '2' }, SEARCHES_UNASKED],
  ['Google is offered', { tools: [{ google_search: {} }] }, SEARCHES_UNASKED],
  ['Google is offered by its other name', { tools: [{ googleSearch: {} }] }, SEARCHES_UNASKED],
])('the searches that a request lets the provider make where %s', (_when, body, most) => {
  expect(asked(body)).toBe(most)
})
