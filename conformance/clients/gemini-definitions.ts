/** Google's message definitions as JSON Schema: the JSON mapping of protocol buffers, in camel case. */

import { type Fields, fieldsOf, isSaid, textOf } from '../oracle/json.ts'

/** Schemas by the last part of a message's name; nested messages stand under theirs as `Outer.Inner`. */
export function geminiDefinitions(files: unknown): Readonly<Record<string, unknown>> {
  const found = new Map<string, Fields>()
  for (const file of Object.values(fieldsOf(files))) collect(fieldsOf(file), '', found)
  return Object.fromEntries([...found].map(([name, message]) => [name, schemaOf(name, message, found)]))
}

function collect(scope: Fields, prefix: string, found: Map<string, Fields>): void {
  for (const [name, value] of Object.entries(fieldsOf(scope['nested']))) {
    const inner = fieldsOf(value)
    const isType = isSaid(inner['fields']) || isSaid(inner['values'])
    const path = prefix === '' ? name : `${prefix}.${name}`
    if (isType) found.set(path, inner)
    collect(inner, isType ? path : '', found)
  }
}

function schemaOf(name: string, message: Fields, all: ReadonlyMap<string, Fields>): unknown {
  // New values come before the description does, so an enumeration is any text, or its number.
  if (isSaid(message['values'])) return { type: ['string', 'integer'] }
  const fields = Object.entries(fieldsOf(message['fields']))
  return {
    type: 'object',
    properties: Object.fromEntries(
      fields.map(([field, value]) => [field, fieldSchema(fieldsOf(value), name, all)]),
    ),
  }
}

function fieldSchema(field: Fields, scope: string, all: ReadonlyMap<string, Fields>): unknown {
  if (isSaid(field['keyType'])) return { type: 'object' }
  const schema = typeSchema(textOf(field['type']), scope, all)
  return field['rule'] === 'repeated' ? { type: 'array', items: schema } : schema
}

const scalars: Readonly<Record<string, unknown>> = {
  string: { type: 'string' },
  bytes: { type: 'string' },
  bool: { type: 'boolean' },
  int32: { type: 'integer' },
  int64: { type: ['integer', 'string'] },
  float: { type: 'number' },
  double: { type: 'number' },
  'google.protobuf.Struct': { type: 'object' },
  'google.protobuf.Timestamp': { type: 'string' },
  'google.protobuf.Duration': { type: 'string' },
}

/** A name is looked for in the message it stands in, then outwards. */
function typeSchema(type: string, scope: string, all: ReadonlyMap<string, Fields>): unknown {
  const scalar = scalars[type]
  if (scalar !== undefined) return scalar
  const parts = scope.split('.')
  for (let length = parts.length; length >= 0; length -= 1) {
    const name = [...parts.slice(0, length), type].join('.')
    if (all.has(name)) return { $ref: `#/components/schemas/${name}` }
  }
  return {}
}
