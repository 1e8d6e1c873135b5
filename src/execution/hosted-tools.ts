/** What a request lets the provider do by itself: what its tools find is read by the model, and searches of the web are sold apart. */

import type { Span } from '../canonical/envelope.ts'
import type { SearchKind } from '../ledger/prices.ts'
import { SEARCHES_UNASKED } from '../ledger/search-fee.ts'
import { arrayOf, isJsonObject, type JsonObject, numberOf, parseJson, stringOf } from '../std/json.ts'
import type { Exchange } from './exchange.ts'

export interface OfferedSearch {
  /** The most queries, as far as the request says. */
  readonly queriesMax: number
  /** Nothing says how many, of one tool at least. */
  readonly isUnbounded?: true
  /** How they are sold, where the tool says it. */
  readonly kind?: SearchKind
}

/** How the dialects name the tools: by their `type`, whatever version follows, or Google's by a field. Words of a text may look like them. */
const LIKE_A_SEARCH =
  /"type"\s*:\s*"web_search|"(?:googleSearch|google_search|enterpriseWebSearch|enterprise_web_search)\w*"\s*:/
const SEARCH_FIELD = /^(?:googleSearch|google_search|enterpriseWebSearch|enterprise_web_search)/
/** Those that find something else for the model to read. */
const LIKE_ANOTHER_TOOL =
  /"type"\s*:\s*"(?:web_fetch|x_search|browser_search|collections_search|openrouter:|retrieval|builtin_function|code_execution|code_interpreter|container_|mcp|tool_search)|"(?:urlContext|url_context|codeExecution|code_execution|googleMaps|google_maps|retrieval)"\s*:/

/**
 * Fields that say nothing else but that the provider looks something up by itself: of Anthropic, OpenAI, xAI, Alibaba,
 * OpenRouter, Azure and Groq.
 */
const HOSTED_FIELDS = [
  'mcp_servers',
  'web_search_options',
  'search_parameters',
  'enable_search',
  'plugins',
  'data_sources',
  'compound_custom',
] as const
/** Models that look things up whatever they are asked: OpenRouter's with that ending, and Groq's `compound`. */
const SEARCHING_MODEL = /:online$|\/compound(?:-|$)/

/** Whether the model may read what the provider finds by itself. `text` is the body, a byte a character. */
export function hasHostedTools(
  { fields }: Pick<Exchange['envelope'], 'fields'>,
  text: string,
  targetId = '',
): boolean {
  if (HOSTED_FIELDS.some((name) => isSaid(fields.get(name), text))) return true
  if (SEARCHING_MODEL.test(targetId)) return true
  const tools = fields.get('tools')
  if (tools === undefined) return false
  const listed = text.slice(tools.start, tools.end)
  return LIKE_A_SEARCH.test(listed) || LIKE_ANOTHER_TOOL.test(listed)
}

/** Queries that are held for at most, however many a request names: no answer makes so many. */
const QUERIES_MAX = 1_000

/** `undefined` where none is offered. `text` is the body, a byte a character. */
export function offeredSearch(
  { dialect: { id: dialectId }, envelope: { fields } }: Asked,
  text: string,
): OfferedSearch | undefined {
  const tools = fields.get('tools')
  const listed = tools === undefined ? '' : plainly(text.slice(tools.start, tools.end))
  // Anthropic's tools say it each for itself.
  const isAnthropic = dialectId === 'anthropic-messages'
  const searching = LIKE_A_SEARCH.test(listed) ? arrayOf(parseJson(listed)).filter(isSearching) : []
  // What the provider keeps may offer the dearest.
  const isKept = KEPT_TOOLS.get(dialectId)?.some((name) => isSaid(fields.get(name), text)) ?? false
  if (searching.length === 0 && !isKept) return undefined
  const calls = isAnthropic ? undefined : fields.get('max_tool_calls')
  const bounds = isAnthropic
    ? searching.map((tool) => countOf(tool['max_uses']))
    : [countOf(calls && parseJson(text.slice(calls.start, calls.end)))]
  const queriesMax = bounds.reduce<number>((sum, bound) => sum + (bound ?? SEARCHES_UNASKED), 0)
  const isPreview = isKept || searching.some(({ type }) => stringOf(type)?.startsWith('web_search_preview'))
  return {
    queriesMax: Math.min(queriesMax, QUERIES_MAX),
    ...(bounds.includes(undefined) ? { isUnbounded: true } : {}),
    ...(isPreview ? { kind: 'preview' } : {}),
  }
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
    ? Object.keys(tool).some((name) => SEARCH_FIELD.test(name))
    : type.startsWith('web_search')
}

/** Not where it is said to be off (xAI's `search_parameters`). */
function isSaid(span: Span | undefined, text: string): boolean {
  if (span === undefined) return false
  const value = parseJson(text.slice(span.start, span.end))
  if (value === null || value === false) return false
  return !(Array.isArray(value) && value.length === 0) && !(isJsonObject(value) && value['mode'] === 'off')
}

function countOf(value: unknown): number | undefined {
  const count = numberOf(value)
  return count !== undefined && Number.isInteger(count) && count >= 0 ? count : undefined
}
