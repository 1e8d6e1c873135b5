import { describe, expect, test } from 'vitest'
import type { DialectId } from '../canonical/envelope.ts'
import { SEARCHES_UNASKED } from '../ledger/search-fee.ts'
import type { JsonObject } from '../std/json.ts'
import { scanJsonObject } from '../wire/json-scan.ts'
import { offeredSearch } from './asked-searches.ts'

function offered(dialect: DialectId, body: JsonObject | string) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const envelope = { fields: scanJsonObject(Buffer.from(text)).fields }
  return offeredSearch({ dialect: { id: dialect }, envelope }, text)
}

const most = (dialect: DialectId, body: JsonObject | string) => offered(dialect, body)?.queriesMax

describe('the searches that a request lets Anthropic make', () => {
  const claude = (uses?: number) => ({
    type: 'web_search_20250305',
    name: 'web_search',
    ...(uses === undefined ? {} : { max_uses: uses }),
  })

  test.each([
    ['nothing is offered', {}, undefined],
    [
      'a function of the client is called so',
      { tools: [{ name: 'web_search', input_schema: {} }] },
      undefined,
    ],
    ['nobody says how often', { tools: [claude()] }, SEARCHES_UNASKED],
    ['the tool says how often', { tools: [claude(7)] }, 7],
    ['never', { tools: [claude(0)] }, 0],
    ['two tools say it', { tools: [claude(1), claude()] }, 1 + SEARCHES_UNASKED],
    ['another tool says it of itself', { tools: [claude(9), { type: 'web_fetch', max_uses: 1 }] }, 9],
    ['another dialect would say it so', { tools: [claude()], max_tool_calls: 0 }, SEARCHES_UNASKED],
    ['no answer makes so many', { tools: [claude(1e300)] }, 1_000],
    ['it is no whole number', { tools: [claude(1.5)] }, SEARCHES_UNASKED],
  ])('where %s', (_when, body, queries) => {
    expect(most('anthropic-messages', body)).toBe(queries)
  })

  test('where the word is hidden', () => {
    const hidden = JSON.stringify({ tools: [claude(2)] }).replaceAll('web_search', 'web\\u005fse\\u0061rch')
    expect(hidden).not.toContain('web_search')
    expect(most('anthropic-messages', hidden)).toBe(2)
  })
})

describe('the searches that a request lets others make', () => {
  test('are as many as the Responses API is told', () => {
    const tools = [{ type: 'web_search' }]
    expect(most('openai-responses', { tools })).toBe(SEARCHES_UNASKED)
    expect(most('openai-responses', { tools, max_tool_calls: 2 })).toBe(2)
    expect(most('openai-responses', { tools, max_tool_calls: '2' })).toBe(SEARCHES_UNASKED)
    const kept = { prompt: { id: 'kept' } }
    expect(offered('openai-responses', kept)).toEqual({ queriesMax: SEARCHES_UNASKED, kind: 'preview' })
    expect(most('openai-responses', { ...kept, max_tool_calls: 1 })).toBe(1)
    expect(most('openai-responses', { prompt: null })).toBeUndefined()
    expect(most('openai-completions', { prompt: 'a text' })).toBeUndefined()
  })

  test('are sold as the tool says', () => {
    expect(offered('openai-responses', { tools: [{ type: 'web_search_preview' }] })?.kind).toBe('preview')
    expect(offered('openai-responses', { tools: [{ type: 'web_search' }] })?.kind).toBeUndefined()
  })

  test('are none where a function of the client is called so', () => {
    const named = { name: 'google_search', description: 'Like "googleSearch": the same' }
    expect(most('openai-chat', { tools: [{ type: 'function', function: named }] })).toBeUndefined()
    expect(most('openai-responses', { tools: [{ type: 'function', ...named }] })).toBeUndefined()
    expect(most('gemini', { tools: [{ functionDeclarations: [named] }] })).toBeUndefined()
    const declared = {
      functionDeclarations: [{ ...named, parameters: { properties: { googleSearch: {} } } }],
    }
    expect(most('gemini', { tools: [declared] })).toBeUndefined()
  })

  test.each(['googleSearch', 'google_search', 'googleSearchRetrieval', 'enterpriseWebSearch'])(
    'are offered by Google as %s',
    (name) => {
      expect(most('gemini', { tools: [{ [name]: {} }] })).toBe(SEARCHES_UNASKED)
    },
  )

  test('may be offered by what Google keeps', () => {
    expect(most('gemini', { cachedContent: 'cachedContents/1' })).toBe(SEARCHES_UNASKED)
    expect(most('gemini', { contents: [] })).toBeUndefined()
  })
})
