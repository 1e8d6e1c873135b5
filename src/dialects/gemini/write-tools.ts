/** Says tools and how they may be used. */

import type { InferenceRequest, ToolChoice, ToolDefinition } from '../../canonical/request.ts'
import { assertNever } from '../../std/assert-never.ts'
import { type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import type { LossList } from '../anthropic-messages/losses.ts'
import { DIALECT } from './fields.ts'
import { writeSchema } from './write-schema.ts'

export interface ToolWriting {
  /** What the client said in this dialect of its tools besides the choice. */
  readonly rest: JsonObject | undefined
  readonly losses: LossList
}

export function writeTools(request: InferenceRequest, { rest, losses }: ToolWriting): JsonObject {
  const functions: JsonObject[] = []
  const tools: JsonObject[] = []
  for (const tool of request.tools ?? []) {
    if (tool.kind === 'function') {
      // All functions stand in one entry, where the first of them stood.
      if (functions.length === 0) tools.push({ functionDeclarations: functions })
      functions.push(writeDeclaration(tool, losses))
    } else if (tool.dialect === DIALECT) tools.push(tool.value)
    else {
      const name = tool.name ?? stringOf(tool.value['type']) ?? 'other'
      losses.add(`tools.${name}`, 'This tool belongs to another provider.')
    }
  }
  if (request.allowsParallelToolCalls === false && functions.length > 0)
    losses.add('parallel_tool_calls', 'Gemini cannot be told to call one tool at a time.')
  return {
    ...(tools.length === 0 ? {} : { tools }),
    ...writeConfig(tools.length === 0 ? undefined : writeChoice(request.toolChoice, losses), rest),
  }
}

function writeConfig(choice: JsonObject | undefined, rest: JsonObject | undefined): JsonObject {
  if (choice === undefined) return rest === undefined ? {} : { toolConfig: rest }
  const calling = {
    ...objectOf(rest?.['functionCallingConfig']),
    ...objectOf(choice['functionCallingConfig']),
  }
  return { toolConfig: { ...rest, ...choice, functionCallingConfig: calling } }
}

function writeDeclaration(tool: Extract<ToolDefinition, { kind: 'function' }>, losses: LossList): JsonObject {
  const { name, description, parameters, isStrict, vendor } = tool
  if (isStrict === true)
    losses.add('tools.strict', 'Gemini has no word that binds a model to the schema of a tool.')
  if (vendor !== undefined && vendor.dialect !== DIALECT)
    for (const field of Object.keys(vendor.fields))
      losses.add(`tools.${field}`, 'Gemini has no such field of a tool.')
  return {
    name,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined || hasNoParameters(parameters)
      ? {}
      : { parametersJsonSchema: writeSchema(parameters) }),
    ...(vendor?.dialect === DIALECT ? vendor.fields : {}),
  }
}

/** Gemini refuses an object without properties; a function without parameters says the same. */
function hasNoParameters(parameters: JsonObject): boolean {
  return Object.keys(parameters).length === 0
}

function writeChoice(choice: ToolChoice | undefined, losses: LossList): JsonObject | undefined {
  switch (choice?.type) {
    case undefined:
      return undefined
    case 'auto':
      return calling({ mode: 'AUTO' })
    case 'none':
      return calling({ mode: 'NONE' })
    case 'required':
      return calling({ mode: 'ANY' })
    case 'tool':
      return calling({ mode: 'ANY', allowedFunctionNames: [choice.name] })
    case 'opaque':
      // Sound: what this dialect kept of itself is an object.
      if (choice.dialect === DIALECT) return choice.value as JsonObject
      losses.add('tool_choice', 'Gemini has no such choice of tools.')
      return undefined
    default:
      return assertNever(choice)
  }
}

function calling(functionCallingConfig: JsonObject): JsonObject {
  return { functionCallingConfig }
}
