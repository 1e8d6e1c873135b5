/** Reads what a request asks of the model beside its messages: tools, the choice among them, output form, reasoning. */

import type {
  InferenceRequest,
  OutputFormat,
  ReasoningOptions,
  ToolChoice,
  ToolDefinition,
} from '../../canonical/request.ts'
import { isJsonObject, type JsonObject, numberOf, objectOf, stringOf } from '../../std/json.ts'
import { DIALECT } from './dialect-id.ts'
import { invalid } from './invalid.ts'
import { readCacheHint } from './read-block.ts'

type Options = Partial<InferenceRequest>

export function readTools(value: unknown): Options {
  if (value === undefined || value === null) return {}
  if (!Array.isArray(value)) throw invalid('tools', 'must be an array', 'send a list of tools')
  if (value.length === 0) return {}
  return { tools: value.map((tool, index) => readTool(tool, `tools.${index}`)) }
}

/** Tools without a type, or of type `custom`, are functions; every other type the provider runs or defines itself. */
function readTool(value: unknown, path: string): ToolDefinition {
  if (!isJsonObject(value)) throw invalid(path, 'must be an object', 'send a name and an input_schema')
  const { type, name } = value
  if (type !== undefined && type !== null && type !== 'custom') {
    return { kind: 'opaque', dialect: DIALECT, ...(typeof name === 'string' ? { name } : {}), value }
  }
  if (typeof name !== 'string') throw invalid(`${path}.name`, 'must be a string', 'name the tool')
  return readFunction(name, value)
}

const functionWords = new Set(['type', 'name', 'description', 'input_schema', 'strict', 'cache_control'])

function readFunction(name: string, tool: JsonObject): ToolDefinition {
  const description = stringOf(tool['description'])
  const parameters = objectOf(tool['input_schema'])
  const cacheHint = readCacheHint(tool['cache_control'])
  const rest = Object.entries(tool).filter(([word, value]) => !functionWords.has(word) && value !== null)
  return {
    kind: 'function',
    name,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(typeof tool['strict'] === 'boolean' ? { isStrict: tool['strict'] } : {}),
    ...(cacheHint === undefined ? {} : { cacheHint }),
    ...(rest.length === 0 ? {} : { vendor: { dialect: DIALECT, fields: Object.fromEntries(rest) } }),
  }
}

export function readToolChoice(value: unknown): Options {
  if (!isJsonObject(value)) return {}
  const disablesParallel = value['disable_parallel_tool_use']
  return {
    toolChoice: readChoice(value),
    ...(typeof disablesParallel === 'boolean' ? { allowsParallelToolCalls: !disablesParallel } : {}),
  }
}

function readChoice(value: JsonObject): ToolChoice {
  const name = value['name']
  switch (value['type']) {
    case 'auto':
      return { type: 'auto' }
    case 'none':
      return { type: 'none' }
    case 'any':
      return { type: 'required' }
    case 'tool':
      if (typeof name !== 'string') throw invalid('tool_choice.name', 'must be a string', 'name the tool')
      return { type: 'tool', name }
    default:
      return { type: 'opaque', dialect: DIALECT, value }
  }
}

/** `output_config.format`, or `output_format` as it was called before. */
export function readOutput(fields: JsonObject): Options {
  const config = objectOf(fields['output_config'])
  const format = objectOf(config?.['format']) ?? objectOf(fields['output_format'])
  const schema = objectOf(format?.['schema'])
  if (!isKnownFormat(format) || schema === undefined) return {}
  // Not strict: OpenAI's strict schemas must require every property, which these need not.
  const output: OutputFormat = { type: 'json-schema', schema }
  return { output }
}

export function isKnownFormat(format: unknown): boolean {
  return objectOf(format)?.['type'] === 'json_schema'
}

export function readReasoning(fields: JsonObject): Options {
  const thinking = objectOf(fields['thinking'])
  const effort = stringOf(objectOf(fields['output_config'])?.['effort'])
  const mode = modes.get(thinking?.['type'])
  if (mode === undefined && effort === undefined) return {}
  const budgetTokens = numberOf(thinking?.['budget_tokens'])
  const display = stringOf(thinking?.['display'])
  const reasoning: ReasoningOptions = {
    ...(mode === undefined ? {} : { mode }),
    ...(effort === undefined ? {} : { effort }),
    ...(budgetTokens === undefined ? {} : { budgetTokens }),
    ...(display === undefined ? {} : { display }),
  }
  return { reasoning }
}

const modes: ReadonlyMap<unknown, NonNullable<ReasoningOptions['mode']>> = new Map([
  ['enabled', 'on'],
  ['disabled', 'off'],
  ['adaptive', 'adaptive'],
] as const)

export function isKnownThinking(thinking: unknown): boolean {
  return modes.has(objectOf(thinking)?.['type'])
}
