/** What the files of this dialect share: its name, and its two spellings of every field. */

import { GatewayError } from '../../errors/gateway-error.ts'
import { type JsonObject, type JsonValue, objectOf } from '../../std/json.ts'

export const DIALECT = 'gemini'

/** A field in either spelling: Google's JSON takes `maxOutputTokens` and `max_output_tokens` alike. */
export function fieldOf(object: JsonObject, name: string): JsonValue | undefined {
  const value = object[name] ?? object[snakeCase(name)]
  return value === null ? undefined : value
}

export function objectAt(object: JsonObject, name: string): JsonObject | undefined {
  return objectOf(fieldOf(object, name))
}

const snakeNames = new Map<string, string>()

function snakeCase(name: string): string {
  const known = snakeNames.get(name)
  if (known !== undefined) return known
  const made = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  snakeNames.set(name, made)
  return made
}

/** The fields of an object in Google's own spelling, those of some names left out. */
export function fieldsBut(object: JsonObject, names: ReadonlySet<string>): JsonObject | undefined {
  const rest = Object.entries(object).flatMap(([name, value]) => {
    const camel = camelCase(name)
    return value === undefined || value === null || names.has(camel) ? [] : [[camel, value] as const]
  })
  return rest.length === 0 ? undefined : Object.fromEntries(rest)
}

function camelCase(name: string): string {
  return name.includes('_') ? name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()) : name
}

/** The refusal of a field, in the client's own spelling of it. */
export function invalid(param: string, message: string): GatewayError {
  return new GatewayError('invalid_request', message, { param })
}
