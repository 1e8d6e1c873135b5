/** Tools and the choice among them. Functions are flat here; every other kind stays as it is. */

import type { ToolChoice, ToolDefinition } from '../../canonical/request.ts'
import { isJsonObject, type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import { DIALECT, invalid, withoutAbsent } from './fields.ts'

export function readTools(value: unknown): readonly ToolDefinition[] | undefined {
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value)) throw invalid('tools', '"tools" must be an array.')
  const tools = value.map((tool: unknown, index) => {
    const param = `tools[${index}]`
    if (!isJsonObject(tool)) throw invalid(param, `"${param}" must be an object.`)
    return tool['type'] === 'function' ? readFunction(tool, param) : readOpaque(tool)
  })
  return tools.length === 0 ? undefined : tools
}

function readOpaque(tool: JsonObject): ToolDefinition {
  const name = stringOf(tool['name'])
  return { kind: 'opaque', dialect: DIALECT, ...(name === undefined ? {} : { name }), value: tool }
}

function readFunction(tool: JsonObject, param: string): ToolDefinition {
  const { type: _type, name, description, parameters, strict, ...rest } = tool
  if (typeof name !== 'string' || name === '')
    throw invalid(`${param}.name`, `"${param}.name" must be a string that is not empty.`)
  return withoutAbsent({
    kind: 'function' as const,
    name,
    description: stringOf(description),
    parameters: objectOf(parameters),
    isStrict: typeof strict === 'boolean' ? strict : undefined,
    vendor: Object.keys(rest).length === 0 ? undefined : { dialect: DIALECT, fields: rest },
  })
}

export function readToolChoice(choice: unknown): ToolChoice | undefined {
  if (choice === 'auto' || choice === 'none' || choice === 'required') return { type: choice }
  if (typeof choice === 'string') return { type: 'opaque', dialect: DIALECT, value: choice }
  if (!isJsonObject(choice)) return undefined
  const name = stringOf(choice['name'])
  return choice['type'] === 'function' && name
    ? { type: 'tool', name }
    : { type: 'opaque', dialect: DIALECT, value: choice }
}
