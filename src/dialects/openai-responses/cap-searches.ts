/** Tells a Responses request how often the provider may search the web: by the calls of all of its own tools together. */

import { isJsonObject, type JsonObject, stringOf } from '../../std/json.ts'

/** As it is where the provider has another tool to call, or a prompt that it keeps may have one: that is not to be cut short. */
export function capSearches(fields: JsonObject, searches: number): JsonObject {
  const { tools, prompt, max_tool_calls: calls } = fields
  const isBounded = calls !== undefined && calls !== null
  const isKept = prompt !== undefined && prompt !== null
  if (isBounded || isKept || !Array.isArray(tools) || !tools.every(isSearchOrClients)) return fields
  return { ...fields, max_tool_calls: searches }
}

function isSearchOrClients(tool: unknown): boolean {
  const type = isJsonObject(tool) ? stringOf(tool['type']) : undefined
  return type === 'function' || type === 'custom' || type?.startsWith('web_search') === true
}
