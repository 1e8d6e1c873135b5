/** What searches of the web a request lets the provider make by itself. */

import type { Span } from '../canonical/envelope.ts'
import type { SearchKind } from '../ledger/prices.ts'
import { SEARCHES_UNASKED } from '../ledger/search-fee.ts'
import { arrayOf, isJsonObject, type JsonObject, numberOf, parseJson, stringOf } from '../std/json.ts'
import type { Exchange } from './exchange.ts'

export interface OfferedSearch {
  /** The most queries, as far as the request says. */
  readonly queriesMax: number
  /** How they are sold, where the tool says it. */
  readonly kind?: SearchKind
}

/** How the dialects name the tool: by its `type`, or Google's by a field. Words of a text may look like it. */
const LIKE_A_SEARCH =
  /"type"\s*:\s*"web_search|"(?:googleSearch|google_search|enterpriseWebSearch|enterprise_web_search)\w*"\s*:/
const GOOGLE_SEARCH = /^(?:googleSearch|google_search|enterpriseWebSearch|enterprise_web_search)/

/** Queries that are held for at most, however many a request names: no answer makes so many. */
const QUERIES_MAX = 1_000

/** `undefined` where none is offered. `text` is the body, a byte a character. */
export function offeredSearch(
  { dialect: { id: dialectId }, envelope: { fields } }: Asked,
  text: string,
): OfferedSearch | undefined {
  const tools = fields.get('tools')
  const listed = tools === undefined ? '' : plainly(text.slice(tools.start, tools.end))
  const isAnthropic = dialectId === 'anthropic-messages'
  const searching = LIKE_A_SEARCH.test(listed) ? arrayOf(parseJson(listed)).filter(isSearching) : []
  // What the provider keeps may offer the dearest.
  const isKept = KEPT_TOOLS.get(dialectId)?.some((name) => isSaid(fields.get(name), text)) ?? false
  if (searching.length === 0 && !isKept) return undefined
  const calls = isAnthropic ? undefined : fields.get('max_tool_calls')
  const queriesMax = isAnthropic
    ? usesOf(searching)
    : (countOf(calls && parseJson(text.slice(calls.start, calls.end))) ?? SEARCHES_UNASKED)
  const isPreview = isKept || searching.some(({ type }) => stringOf(type)?.startsWith('web_search_preview'))
  return { queriesMax: Math.min(queriesMax, QUERIES_MAX), ...(isPreview ? { kind: 'preview' } : {}) }
}

interface Asked {
  readonly dialect: Pick<Exchange['dialect'], 'id'>
  readonly envelope: Pick<Exchange['envelope'], 'fields'>
}

/** Fields that stand for what the provider keeps, in which tools may be. */
const KEPT_TOOLS: ReadonlyMap<string, readonly string[]> = new Map([
  ['gemini', ['cachedContent', 'cached_content']],
  ['openai-responses', ['prompt']],
])

/** No encoder escapes plain letters, but a word may be hidden so. */
function plainly(listed: string): string {
  return listed.includes('\\u') ? JSON.stringify(parseJson(listed)) : listed
}

function isSearching(tool: unknown): tool is JsonObject {
  if (!isJsonObject(tool)) return false
  const type = stringOf(tool['type'])
  return type === undefined
    ? Object.keys(tool).some((name) => GOOGLE_SEARCH.test(name))
    : type.startsWith('web_search')
}

function isSaid(span: Span | undefined, text: string): boolean {
  return span !== undefined && text.slice(span.start, span.end) !== 'null'
}

/** Anthropic's tools say it each for itself. */
function usesOf(tools: readonly JsonObject[]): number {
  return tools.reduce((sum, tool) => sum + (countOf(tool['max_uses']) ?? SEARCHES_UNASKED), 0)
}

function countOf(value: unknown): number | undefined {
  const count = numberOf(value)
  return count !== undefined && Number.isInteger(count) && count >= 0 ? count : undefined
}
