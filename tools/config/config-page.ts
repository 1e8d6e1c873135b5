/** The page that lists every field of `holdfast.yaml`, from the schema that checks it. */

import { FIELDS_OF_THE_START } from '../../src/app/reload-rules.ts'
import { isJsonObject, type JsonObject, numberOf, objectOf, stringOf } from '../../src/std/json.ts'

interface Field {
  /** From the top: `routes.<name>.targets[].weight`. */
  readonly path: string
  readonly takes: string
  readonly description: string
}

export function configPage(schema: JsonObject): string {
  const sections = Object.entries(objectOf(schema['properties']) ?? {}).map(([name, field]) =>
    sectionOf(name, objectOf(field) ?? {}, schema),
  )
  return `# The fields of holdfast.yaml

Written by \`npm run schema\` from the schema that checks the file; do not edit it by hand.

The file is optional: without one, the keys in the environment and the local servers on their usual ports are found. \`holdfast check\`
says what is wrong with it, all at once, each with its line and column. Sizes are bytes, or take \`KiB\`, \`MiB\`, \`GiB\`; times take
\`ms\`, \`s\`, \`m\`, \`h\`.

A saved change of these needs a restart, and the log names them (\`config_needs_restart\`): ${listed(FIELDS_OF_THE_START)}.
Everything else is in force at once, for the requests that come after it.

Flags of \`holdfast start\` that stand before the file: \`--listen\`, \`--admin\` (an address, or \`off\`), \`--memory\`, \`--log-level\`
(\`npm start -- --listen 127.0.0.1:5151\`).

${sections.join('\n')}`
}

/** What is said of a field in words stands behind its name. */
function listed(fields: readonly string[]): string {
  return fields.map((field) => field.replace(/^\S+/, '`$&`')).join(', ')
}

function sectionOf(name: string, field: JsonObject, schema: JsonObject): string {
  const rows = fieldsOf(name, field, schema).map(
    ({ path, takes, description }) => `| \`${path}\` | ${takes} | ${description} |`,
  )
  return `## ${name}

${stringOf(field['description']) ?? ''}

| Field | Takes | What |
| --- | --- | --- |
${rows.join('\n')}
`
}

/** The field itself first, unless it is a mapping of others. */
function fieldsOf(path: string, field: JsonObject, schema: JsonObject): readonly Field[] {
  const ways = waysOf(field, schema)
  const own = { path, takes: takesOf(ways), description: inCell(stringOf(field['description']) ?? '') }
  const within = ways.flatMap((way) => fieldsWithin(path, way, schema))
  return [
    own,
    ...within.filter(({ path: one }, place) => within.findIndex((other) => other.path === one) === place),
  ]
}

function fieldsWithin(path: string, way: JsonObject, schema: JsonObject): readonly Field[] {
  const named = Object.entries(objectOf(way['properties']) ?? {}).flatMap(([name, child]) =>
    isJsonObject(child) && child['$ref'] === undefined ? fieldsOf(`${path}.${name}`, child, schema) : [],
  )
  const items = objectOf(way['items'])
  const others = objectOf(way['additionalProperties'])
  return [
    ...named,
    ...(items === undefined ? [] : elementsOf(`${path}[]`, items, schema)),
    ...(others === undefined ? [] : elementsOf(`${path}.<name>`, others, schema)),
  ]
}

/** Of what a list or a mapping holds; what holds itself (groups of groups) is told once. */
function elementsOf(path: string, element: JsonObject, schema: JsonObject): readonly Field[] {
  if (path.split('[]').length > 2) return []
  return waysOf(element, schema).flatMap((way) => fieldsWithin(path, way, schema))
}

/** The kinds of value that may stand there. */
function waysOf(field: JsonObject, schema: JsonObject): readonly JsonObject[] {
  const resolved = resolve(field, schema)
  const ways = [resolved['anyOf'], resolved['oneOf']].flatMap((list) => (Array.isArray(list) ? list : []))
  return ways.length === 0 ? [resolved] : ways.filter(isJsonObject).flatMap((way) => waysOf(way, schema))
}

function resolve(field: JsonObject, schema: JsonObject): JsonObject {
  const reference = stringOf(field['$ref'])
  if (reference === undefined) return field
  let found: unknown = schema
  for (const name of reference.split('/').slice(1)) found = isJsonObject(found) ? found[name] : undefined
  return objectOf(found) ?? field
}

function takesOf(ways: readonly JsonObject[]): string {
  return [...new Set(ways.map(takenBy))].join(', ')
}

function takenBy(way: JsonObject): string {
  if (way['const'] !== undefined) return worded(way['const'])
  const words = way['enum']
  if (Array.isArray(words)) return words.map(worded).join(', ')
  const pattern = stringOf(way['pattern']) ?? ''
  if (pattern.includes('(ms|s|m|h)')) return 'a time'
  const type = way['type']
  // Numbers that may be written as text: only addresses have examples.
  if (Array.isArray(type)) return way['examples'] === undefined ? 'a size' : 'an address'
  switch (type) {
    case 'integer':
    case 'number':
      return numbersOf(way)
    case 'boolean':
      return '`true`, `false`'
    case 'array':
      return 'a list'
    case 'object':
      return 'a mapping'
    default:
      return 'text'
  }
}

function worded(value: unknown): string {
  return `\`${stringOf(value) ?? JSON.stringify(value)}\``
}

function numbersOf({ type, minimum, maximum }: JsonObject): string {
  const [least, most] = [numberOf(minimum), numberOf(maximum)]
  const kind = type === 'integer' ? 'a whole number' : 'a number'
  if (least === undefined && most === undefined) return kind
  if (most === undefined || most >= Number.MAX_SAFE_INTEGER) return `${kind} from ${least}`
  return `${kind}, ${least ?? ''} to ${most}`
}

function inCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
