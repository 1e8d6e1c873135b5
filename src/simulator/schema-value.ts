/** Makes a value that satisfies a JSON Schema: the arguments of a simulated tool call, the object of a structured answer. */

import type { JsonObject, JsonValue } from '../std/json.ts'
import { arrayOf, isJsonObject, numberOf, objectOf, stringOf } from '../std/json.ts'

/** Schemas nested deeper than this get `null`: they come from strangers and may refer to themselves. */
const DEPTH_MAX = 16
/** Properties and items made at most, so that a hostile schema costs little. */
const MEMBERS_MAX = 200

/** The word every made-up string says. */
const SIMULATED = 'simulated'

const STRINGS_BY_FORMAT: Readonly<Record<string, string>> = {
  date: '2026-01-01',
  'date-time': '2026-01-01T00:00:00Z',
  time: '00:00:00Z',
  duration: 'PT1S',
  email: 'simulated@example.com',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uri: 'https://example.com/simulated',
  url: 'https://example.com/simulated',
  uuid: '00000000-0000-4000-8000-000000000000',
}

/** A value for `schema`; `text` stands in where a free string is wanted. */
export function valueOfSchema(schema: unknown, text: string = SIMULATED): JsonValue {
  return new SchemaValue(schema, text).make(schema, 0)
}

class SchemaValue {
  readonly #root: unknown
  readonly #text: string
  #members = 0

  constructor(root: unknown, text: string) {
    this.#root = root
    this.#text = text
  }

  make(schema: unknown, depth: number): JsonValue {
    if (schema === true) return this.#text
    const fields = objectOf(schema)
    if (!fields || depth > DEPTH_MAX) return null
    const given = this.#given(fields)
    if (given !== undefined) return isDeeperThan(given, DEPTH_MAX) ? null : given
    const combined = this.#combined(fields, depth)
    return combined === undefined ? this.#typed(fields, depth) : combined
  }

  /** A value the schema itself names. */
  #given(schema: JsonObject): JsonValue | undefined {
    if (schema['const'] !== undefined) return schema['const']
    // The elements of a parsed JSON array are JSON values.
    const [first] = arrayOf(schema['enum']) as readonly JsonValue[]
    return first === undefined ? schema['default'] : first
  }

  #combined(schema: JsonObject, depth: number): JsonValue | undefined {
    const reference = stringOf(schema['$ref'])
    if (reference !== undefined) return this.make(this.#resolve(reference), depth + 1)
    const [choice] = [...arrayOf(schema['anyOf']), ...arrayOf(schema['oneOf'])]
    if (choice !== undefined) return this.make(choice, depth + 1)
    const all = arrayOf(schema['allOf'])
    if (all.length === 0) return undefined
    const own = typeOf(schema) === undefined ? [] : [{ ...schema, allOf: [] }]
    const values = [...own, ...all].map((each) => this.make(each, depth + 1))
    // The parts of an intersection of objects are merged; of anything else the last part decides.
    return values.every(isJsonObject) ? Object.assign({}, ...values) : values.at(-1)
  }

  #typed(schema: JsonObject, depth: number): JsonValue {
    switch (typeOf(schema)) {
      case 'object':
        return this.#object(schema, depth)
      case 'array':
        return this.#array(schema, depth)
      case 'string':
        return this.#string(schema)
      case 'integer':
      case 'number':
        return numberWithin(schema)
      case 'boolean':
        return true
      case 'null':
        return null
      default:
        return this.#text
    }
  }

  #object(schema: JsonObject, depth: number): JsonObject {
    const properties = objectOf(schema['properties']) ?? {}
    const required = new Set(arrayOf(schema['required']))
    const names = Object.keys(properties)
    const wanted = required.size > 0 ? names.filter((name) => required.has(name)) : names
    const entries: [string, JsonValue][] = []
    for (const name of wanted) {
      if (this.#isFull()) break
      entries.push([name, this.make(properties[name], depth + 1)])
    }
    // fromEntries defines, so that a property called `__proto__` stays a property.
    return Object.fromEntries(entries)
  }

  #array(schema: JsonObject, depth: number): readonly JsonValue[] {
    const tuple = arrayOf(schema['prefixItems'])
    const count = Math.max(tuple.length, numberOf(schema['minItems']) ?? 1)
    const items: JsonValue[] = []
    while (items.length < count && !this.#isFull()) {
      items.push(this.make(tuple[items.length] ?? schema['items'] ?? true, depth + 1))
    }
    return items
  }

  #string(schema: JsonObject): string {
    const formatted = STRINGS_BY_FORMAT[stringOf(schema['format']) ?? '']
    if (formatted !== undefined) return formatted
    const lengthMin = Math.min(numberOf(schema['minLength']) ?? 0, 10_000)
    const lengthMax = numberOf(schema['maxLength']) ?? Number.POSITIVE_INFINITY
    return this.#text.padEnd(lengthMin, '.').slice(0, Math.max(lengthMax, lengthMin))
  }

  #isFull(): boolean {
    this.#members += 1
    return this.#members > MEMBERS_MAX
  }

  /** A pointer into this schema; references to other documents are not followed. */
  #resolve(reference: string): unknown {
    if (!reference.startsWith('#')) return undefined
    const steps = reference.slice(1).split('/').filter(Boolean)
    let place: unknown = this.#root
    for (const step of steps) {
      const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
      place = isJsonObject(place) && Object.hasOwn(place, name) ? place[name] : undefined
    }
    return place
  }
}

export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((each) => isDeeperThan(each, levels - 1))
}

function typeOf(schema: JsonObject): string | undefined {
  const type = schema['type']
  if (typeof type === 'string') return type
  const [first] = arrayOf(type).filter((each) => each !== 'null')
  if (typeof first === 'string') return first
  if (schema['properties'] !== undefined) return 'object'
  return schema['items'] === undefined ? undefined : 'array'
}

function numberWithin(schema: JsonObject): number {
  const step = numberOf(schema['multipleOf']) ?? 1
  const exclusiveMin = numberOf(schema['exclusiveMinimum'])
  const min = numberOf(schema['minimum']) ?? (exclusiveMin === undefined ? undefined : exclusiveMin + step)
  const exclusiveMax = numberOf(schema['exclusiveMaximum'])
  const max = numberOf(schema['maximum']) ?? (exclusiveMax === undefined ? undefined : exclusiveMax - step)
  const wanted = Math.min(Math.max(1, min ?? 1), max ?? Number.MAX_SAFE_INTEGER)
  return step > 0 ? Math.ceil(wanted / step) * step : wanted
}
