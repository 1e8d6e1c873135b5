/** Tools and the choice among them, modern and legacy (`functions`, `function_call`). */

import type { ToolChoice, ToolDefinition } from '../../canonical/request.ts'
import { isJsonObject, type JsonObject, type JsonValue, objectOf, stringOf } from '../../std/json.ts'
import { DIALECT, invalid } from './fields.ts'

export function readTools(fields: JsonObject): readonly ToolDefinition[] | undefined {
  const tools = list(fields, 'tools', readTool)
  const functions = list(fields, 'functions', (entry, param) => readFunction(entry, param))
  // An empty list asks for nothing, and OpenAI refuses it.
  const all = [...(tools ?? []), ...(functions ?? [])]
  return all.length === 0 ? undefined : all
}

function list(
  fields: JsonObject,
  name: string,
  read: (entry: JsonObject, param: string) => ToolDefinition,
): readonly ToolDefinition[] | undefined {
  const value = fields[name]
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value)) throw invalid(name, `"${name}" must be an array.`)
  return value.map((entry: unknown, index) => {
    const param = `${name}[${index}]`
    if (!isJsonObject(entry)) throw invalid(param, `"${param}" must be an object.`)
    return read(entry, param)
  })
}

function readTool(tool: JsonObject, param: string): ToolDefinition {
  const definition = objectOf(tool['function'])
  if (definition === undefined || (tool['type'] !== undefined && tool['type'] !== 'function')) {
    const name = stringOf(objectOf(tool['custom'])?.['name']) ?? stringOf(tool['name'])
    return { kind: 'opaque', dialect: DIALECT, ...(name === undefined ? {} : { name }), value: tool }
  }
  const { type: _type, function: _function, cache_control: cacheControl, ...rest } = tool
  const read = readFunction(definition, `${param}.function`)
  if (read.kind !== 'function') return read
  const ttl = stringOf(objectOf(cacheControl)?.['ttl'])
  return {
    ...read,
    ...(isJsonObject(cacheControl) ? { cacheHint: ttl === undefined ? {} : { ttl } } : {}),
    ...(Object.keys(rest).length === 0 ? {} : { vendor: { dialect: DIALECT, fields: rest } }),
  }
}

function readFunction(definition: JsonObject, param: string): ToolDefinition {
  const name = stringOf(definition['name'])
  if (!name) throw invalid(`${param}.name`, `"${param}.name" must be a string that is not empty.`)
  const description = stringOf(definition['description'])
  const parameters = objectOf(definition['parameters'])
  const isStrict = definition['strict']
  return {
    kind: 'function',
    name,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(typeof isStrict === 'boolean' ? { isStrict } : {}),
  }
}

export function readToolChoice(fields: JsonObject): ToolChoice | undefined {
  const choice = fields['tool_choice'] ?? fields['function_call']
  if (choice === undefined || choice === null) return undefined
  if (typeof choice === 'string') return readChoiceWord(choice)
  // `{name}` is the legacy form; `{type: "custom"}`, `{type: "allowed_tools"}` and newer ones stay raw.
  const named = isJsonObject(choice) ? (objectOf(choice['function']) ?? legacyChoice(choice)) : undefined
  const name = stringOf(named?.['name'])
  return name ? { type: 'tool', name } : { type: 'opaque', dialect: DIALECT, value: choice }
}

function legacyChoice(choice: JsonObject): JsonObject | undefined {
  return choice['type'] === undefined ? choice : undefined
}

function readChoiceWord(word: string): ToolChoice {
  switch (word) {
    case 'auto':
    case 'none':
    case 'required':
      return { type: word }
    // Mistral's word.
    case 'any':
      return { type: 'required' }
    default: {
      const value: JsonValue = word
      return { type: 'opaque', dialect: DIALECT, value }
    }
  }
}
