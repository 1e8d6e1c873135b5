/** Google's own schemas (a part of OpenAPI 3.0 with types in capitals) as JSON Schema. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../std/json.ts'

/** Fields whose value is a schema, a list of them, or a set of them by name. */
const schemaFields: ReadonlySet<string> = new Set(['items', 'anyOf', 'any_of', 'additionalProperties'])

/** Deeper schemas are kept as they are: nobody writes them by hand, and a walk must end. */
const DEPTH_MAX = 64

export function toJsonSchema(schema: JsonObject, depth = 0): JsonObject {
  if (depth > DEPTH_MAX) return schema
  const isNullable = schema['nullable'] === true
  const converted = Object.entries(schema).flatMap(([name, value]): [string, JsonValue][] => {
    if (value === undefined || name === 'nullable' || name === 'propertyOrdering') return []
    return [[nameOf(name), convert(name, value, { depth, isNullable })]]
  })
  return Object.fromEntries(converted)
}

function nameOf(name: string): string {
  return name === 'any_of' ? 'anyOf' : name
}

interface Place {
  readonly depth: number
  readonly isNullable: boolean
}

function convert(name: string, value: JsonValue, { depth, isNullable }: Place): JsonValue {
  if (name === 'type' && typeof value === 'string') return typeOf(value, isNullable)
  if (name === 'properties' && isJsonObject(value)) return mapValues(value, (each) => within(each, depth))
  if (schemaFields.has(name)) return within(value, depth)
  // Numbers of Google's 64-bit fields may come as text.
  return countFields.has(name) && typeof value === 'string' && value !== '' ? Number(value) : value
}

const countFields: ReadonlySet<string> = new Set([
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'minProperties',
  'maxProperties',
])

function typeOf(type: string, isNullable: boolean): JsonValue {
  const word = type.toLowerCase()
  return isNullable ? [word, 'null'] : word
}

function within(value: JsonValue, depth: number): JsonValue {
  if (Array.isArray(value)) return value.map((each: JsonValue) => within(each, depth))
  return isJsonObject(value) ? toJsonSchema(value, depth + 1) : value
}

function mapValues(object: JsonObject, map: (value: JsonValue) => JsonValue): JsonObject {
  return Object.fromEntries(
    Object.entries(object).flatMap(([name, value]) => (value === undefined ? [] : [[name, map(value)]])),
  )
}
