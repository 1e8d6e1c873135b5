import { describe, expect, test } from 'vitest'
import type { DialectId } from '../canonical/envelope.ts'
import { SEARCHES_UNASKED } from '../ledger/search-fee.ts'
import type { JsonObject } from '../std/json.ts'
import { scanJsonObject } from '../wire/json-scan.ts'
import { hasHostedTools, offeredSearch } from './hosted-tools.ts'

function offered(dialect: DialectId, body: JsonObject | string) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const envelope = { fields: scanJsonObject(Buffer.from(text)).fields }
  return offeredSearch({ dialect: { id: dialect }, envelope }, text)
}

function isHosted(body: JsonObject): boolean {
  const text = JSON.stringify(body)
  return hasHostedTools({ fields: scanJsonObject(Buffer.from(text)).fields }, text)
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
    expect(offered('openai-responses', kept)).toEqual({
      queriesMax: SEARCHES_UNASKED,
      isUnbounded: true,
      kind: 'preview',
    })
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

describe('what the provider finds for the model to read', () => {
  test.each([
    { tools: [{ type: 'web_fetch_20250910', name: 'web_fetch' }] },
    { tools: [{ type: 'x_search' }] },
    { tools: [{ type: 'browser_search' }] },
    { tools: [{ type: 'collections_search' }] },
    { tools: [{ type: 'mcp', server_label: 'docs' }] },
    { tools: [{ google_maps: {} }] },
    { tools: [{ googleSearchRetrieval: {} }] },
    { tools: [{ url_context: {} }] },
    { mcp_servers: [{ name: 'docs' }] },
    { web_search_options: {} },
    { search_parameters: { mode: 'auto' } },
    { enable_search: true },
    { plugins: [{ id: 'web' }] },
    { data_sources: [{ type: 'azure_search' }] },
    { compound_custom: { tools: { enabled_tools: ['web_search'] } } },
    { tools: [{ type: 'openrouter:web_search' }] },
    { tools: [{ type: 'builtin_function', function: { name: '$web_search' } }] },
    { tools: [{ type: 'retrieval', retrieval: {} }] },
    { tools: [{ retrieval: { vertexRagStore: {} } }] },
    { tools: [{ type: 'shell', environment: { type: 'container_auto' } }] },
  ])('comes of %j', (body) => {
    expect(isHosted(body)).toBe(true)
  })

  test.each([
    {},
    { messages: [{ role: 'user', content: 'say {"type": "web_search"} and {"googleSearch": {}}' }] },
    { tools: [{ type: 'function', function: { name: 'web_search', parameters: {} } }] },
    { tools: [], plugins: [], enable_search: false, web_search_options: null },
    { search_parameters: { mode: 'off' } },
  ])('is nothing for %j', (body) => {
    expect(isHosted(body)).toBe(false)
  })

  test.each([
    ['openrouter/openai/gpt-5:online', true],
    ['groq/groq/compound', true],
    ['groq/groq/compound-mini', true],
    ['openai/gpt-5', false],
    ['ollama/compounder', false],
  ])('comes with the model %s: %s', (targetId, isFound) => {
    expect(hasHostedTools({ fields: scanJsonObject(Buffer.from('{}')).fields }, '{}', targetId)).toBe(isFound)
  })
})
