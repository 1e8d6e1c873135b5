/** Tells a request how long its answer may be at most, in whatever field its dialect says so. */

import { isJsonObject, type JsonObject, numberOf } from '../std/json.ts'

/** Where a dialect says the ceiling: the spelling for requests that have none first. */
export type CeilingPath = readonly [string, ...string[]]

/** The request with no more than `tokens` in every spelling that it uses, and in the first one where it uses none. */
export function capFields(
  fields: JsonObject,
  tokens: number,
  paths: readonly [CeilingPath, ...CeilingPath[]],
): JsonObject {
  const used = paths.filter((path) => numberOf(readAt(fields, path)) !== undefined)
  const named = used.length > 0 ? used : [paths[0]]
  return named.reduce(
    (capped, path) => writeAt(capped, path, Math.min(tokens, numberOf(readAt(fields, path)) ?? tokens)),
    fields,
  )
}

function readAt(fields: JsonObject, [name, ...rest]: readonly string[]): unknown {
  const value = name === undefined ? undefined : fields[name]
  if (rest.length === 0) return value
  return isJsonObject(value) ? readAt(value, rest) : undefined
}

function writeAt(fields: JsonObject, [name, ...rest]: readonly string[], tokens: number): JsonObject {
  if (name === undefined) return fields
  const [next] = rest
  if (next === undefined) return { ...fields, [name]: tokens }
  const inner = fields[name]
  return { ...fields, [name]: writeAt(isJsonObject(inner) ? inner : {}, rest, tokens) }
}
