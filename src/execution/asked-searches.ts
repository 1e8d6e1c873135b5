/** How many searches of the web a request lets the provider make by itself. */

import type { Envelope } from '../canonical/envelope.ts'
import { SEARCHES_UNASKED } from '../ledger/search-fee.ts'
import { arrayOf, isJsonObject, numberOf, parseJson, stringOf } from '../std/json.ts'

/** How the dialects name the tool: by its `type`, or Google's by a field. */
const SEARCH_TOOL = /"type"\s*:\s*"web_search|"(?:googleSearch|google_search|enterpriseWebSearch)"\s*:/

/** The most queries, as far as the request says; 0 where it offers no search. `text` is the body, a byte a character. */
export function searchesAsked({ fields }: Pick<Envelope, 'fields'>, text: string): number {
  const tools = fields.get('tools')
  if (tools === undefined) return 0
  const listed = text.slice(tools.start, tools.end)
  if (!SEARCH_TOOL.test(listed)) return 0
  const calls = fields.get('max_tool_calls')
  const bounds = [
    ...boundsIn(listed),
    ...(calls === undefined ? [] : [numberOf(parseJson(text.slice(calls.start, calls.end)))]),
  ].filter((bound) => bound !== undefined && bound >= 0)
  return bounds.length === 0 ? SEARCHES_UNASKED : Math.min(...bounds.map(Number))
}

/** Anthropic's tools say it each for itself. */
function boundsIn(listed: string): readonly (number | undefined)[] {
  return arrayOf(parseJson(listed))
    .filter(isJsonObject)
    .filter(({ type }) => stringOf(type)?.startsWith('web_search'))
    .map((tool) => numberOf(tool['max_uses']))
}
