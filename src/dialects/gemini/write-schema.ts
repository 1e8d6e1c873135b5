/**
 * JSON Schema as Gemini takes it (`parametersJsonSchema`, `responseJsonSchema`): what its dialect of it lacks is said in
 * the words that it has, so that nothing is refused and as little as possible is lost.
 * Source: ai.google.dev/gemini-api/docs/structured-output, JSON Schema support.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../../std/json.ts'

const DEPTH_MAX = 64

/** Says nothing about the value, or nothing that Gemini knows. */
const dropped: ReadonlySet<string> = new Set(['$comment', 'examples', 'deprecated', 'readOnly', 'writeOnly'])

export function writeSchema(schema: JsonObject, depth = 0): JsonObject {
  if (depth > DEPTH_MAX) return schema
  if (isReferenceWithMore(schema)) return writeSchema(asAlternative(schema), depth)
  const written: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(schema)) {
    if (value === undefined || dropped.has(name)) continue
    if (name === 'const') written['enum'] = [value]
    else if (name === 'oneOf' || (name === 'allOf' && isSole(value))) written['anyOf'] = within(value, depth)
    else if (name === 'definitions' && depth === 0) written['$defs'] = byName(value, depth)
    else if (name === '$ref') written[name] = inDefs(value)
    else if (name === 'exclusiveMinimum') setBound(written, { name: 'minimum', value, by: 1, schema })
    else if (name === 'exclusiveMaximum') setBound(written, { name: 'maximum', value, by: -1, schema })
    else written[name] = namesSchemas.has(name) ? byName(value, depth) : within(value, depth)
  }
  return written
}

/** Gemini refuses anything beside a reference but what begins with a dollar; one alternative says the same. */
function isReferenceWithMore(schema: JsonObject): boolean {
  const { $ref, anyOf } = schema
  return typeof $ref === 'string' && anyOf === undefined && Object.keys(schema).some(isPlain)
}

function asAlternative({ $ref, ...rest }: JsonObject): JsonObject {
  return { ...rest, anyOf: [{ $ref }] }
}

function isPlain(name: string): boolean {
  return !name.startsWith('$') && !dropped.has(name)
}

function isSole(value: JsonValue): boolean {
  return Array.isArray(value) && value.length === 1
}

const OLD_DEFS = '#/definitions/'

/** Drafts up to 7 keep their definitions under another name. */
function inDefs(reference: JsonValue): JsonValue {
  if (typeof reference !== 'string' || !reference.startsWith(OLD_DEFS)) return reference
  return `#/$defs/${reference.slice(OLD_DEFS.length)}`
}

const namesSchemas: ReadonlySet<string> = new Set(['properties', '$defs', 'definitions', 'patternProperties'])

function byName(value: JsonValue, depth: number): JsonValue {
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]) =>
      // Anything at all is an empty schema.
      each === undefined ? [] : [[name, each === true ? {} : within(each, depth)]],
    ),
  )
}

function within(value: JsonValue, depth: number): JsonValue {
  if (Array.isArray(value)) return value.map((each: JsonValue) => within(each, depth))
  return isJsonObject(value) ? writeSchema(value, depth + 1) : value
}

interface Bound {
  readonly name: 'minimum' | 'maximum'
  readonly value: JsonValue
  readonly by: 1 | -1
  readonly schema: JsonObject
}

/** Of whole numbers the next one; of others the nearest bound there is. In draft 4 the word was a flag, which is dropped. */
function setBound(written: Record<string, JsonValue>, { name, value, by, schema }: Bound): void {
  if (typeof value !== 'number') return
  const bound = schema['type'] === 'integer' ? value + by : value
  const known = schema[name]
  const isTighter = typeof known !== 'number' || (by === 1 ? bound > known : bound < known)
  if (isTighter) written[name] = bound
}
