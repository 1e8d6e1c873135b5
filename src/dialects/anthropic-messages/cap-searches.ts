/** Tells a Messages request how often the provider may search the web: its tools say it each for itself. */

import {
  arrayOf,
  isJsonObject,
  type JsonArray,
  type JsonObject,
  type JsonValue,
  stringOf,
} from '../../std/json.ts'

export function capSearches(fields: JsonObject, searches: number): JsonObject {
  // Members of parsed JSON are JSON; Array.isArray forgets it.
  const tools = arrayOf(fields['tools']) as JsonArray
  return tools.some(isUnbounded) ? { ...fields, tools: tools.map((tool) => capTool(tool, searches)) } : fields
}

function capTool(tool: JsonValue, searches: number): JsonValue {
  return isUnbounded(tool) ? { ...tool, max_uses: searches } : tool
}

function isUnbounded(tool: JsonValue): tool is JsonObject {
  if (!isJsonObject(tool)) return false
  const { type, max_uses: uses } = tool
  return (uses === undefined || uses === null) && stringOf(type)?.startsWith('web_search') === true
}
