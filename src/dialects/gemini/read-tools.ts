/** Reads tools and how they may be used. Tools that run at Google are kept for its own dialect. */

import type { InferenceRequest, ToolChoice, ToolDefinition } from '../../canonical/request.ts'
import { arrayOf, isJsonObject, type JsonObject, stringOf } from '../../std/json.ts'
import { DIALECT, fieldOf, fieldsBut, invalid, objectAt } from './fields.ts'
import { toJsonSchema } from './read-schema.ts'

export function readTools(value: unknown): Pick<InferenceRequest, 'tools'> {
  const list = Array.isArray(value) ? value : isJsonObject(value) ? [value] : []
  const tools = list.flatMap((tool, index) => readTool(tool, `tools[${index}]`))
  return tools.length === 0 ? {} : { tools }
}

const DECLARATIONS: ReadonlySet<string> = new Set(['functionDeclarations'])

/** One entry may declare any number of functions, and tools of Google's beside them. */
function readTool(value: unknown, path: string): readonly ToolDefinition[] {
  if (!isJsonObject(value)) throw invalid(path, `"${path}" must be an object.`)
  const declarations = arrayOf(fieldOf(value, 'functionDeclarations')).filter(isJsonObject)
  const own = fieldsBut(value, DECLARATIONS)
  return [
    ...declarations.map(readDeclaration),
    ...(own === undefined ? [] : [{ kind: 'opaque', dialect: DIALECT, ...nameOf(own), value: own } as const]),
  ]
}

function nameOf(own: JsonObject): { name?: string } {
  const [name] = Object.keys(own)
  return name === undefined ? {} : { name }
}

const DECLARATION_FIELDS: ReadonlySet<string> = new Set([
  'name',
  'description',
  'parameters',
  'parametersJsonSchema',
])

function readDeclaration(declaration: JsonObject): ToolDefinition {
  const description = stringOf(declaration['description'])
  const own = objectAt(declaration, 'parameters')
  const parameters =
    objectAt(declaration, 'parametersJsonSchema') ?? (own === undefined ? undefined : toJsonSchema(own))
  const rest = fieldsBut(declaration, DECLARATION_FIELDS)
  return {
    kind: 'function',
    name: stringOf(declaration['name']) ?? '',
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(rest === undefined ? {} : { vendor: { dialect: DIALECT, fields: rest } }),
  }
}

/** By name, and by number for clients that write enums as numbers. */
const modes: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [1, 'AUTO'],
  [2, 'ANY'],
  [3, 'NONE'],
  [4, 'VALIDATED'],
])

export function readToolChoice(config: JsonObject | undefined): Pick<InferenceRequest, 'toolChoice'> {
  const calling = objectAt(config ?? {}, 'functionCallingConfig')
  if (config === undefined || calling === undefined) return {}
  const mode = modes.get(calling['mode']) ?? stringOf(calling['mode'])?.toUpperCase()
  const names = arrayOf(fieldOf(calling, 'allowedFunctionNames')).filter((name) => typeof name === 'string')
  const toolChoice = choiceOf(mode, names, config)
  return toolChoice === undefined ? {} : { toolChoice }
}

const CHOICE_FIELDS: ReadonlySet<string> = new Set(['mode', 'allowedFunctionNames'])
const CALLING: ReadonlySet<string> = new Set(['functionCallingConfig'])

/** What the choice does not say: where to look things up, whether arguments are streamed, and so on. */
export function restOfToolConfig(
  config: JsonObject | undefined,
  choice: ToolChoice | undefined,
): JsonObject | undefined {
  if (config === undefined || choice?.type === 'opaque') return undefined
  const calling = fieldsBut(objectAt(config, 'functionCallingConfig') ?? {}, CHOICE_FIELDS)
  const rest = fieldsBut(config, CALLING)
  if (calling === undefined) return rest
  return { ...rest, functionCallingConfig: calling }
}

function choiceOf(
  mode: string | undefined,
  names: readonly string[],
  config: JsonObject,
): ToolChoice | undefined {
  const [name] = names
  switch (mode) {
    case undefined:
    case 'MODE_UNSPECIFIED':
      return undefined
    case 'AUTO':
      return { type: 'auto' }
    case 'NONE':
      return { type: 'none' }
    case 'ANY':
      if (name === undefined) return { type: 'required' }
      return names.length === 1 ? { type: 'tool', name } : { type: 'opaque', dialect: DIALECT, value: config }
    default:
      return { type: 'opaque', dialect: DIALECT, value: config }
  }
}
