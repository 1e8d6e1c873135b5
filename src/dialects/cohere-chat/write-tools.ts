/** Tools and the choice among them. */

import type { InferenceRequest, ToolDefinition } from '../../canonical/request.ts'
import { type JsonObject, stringOf } from '../../std/json.ts'
import { withoutAbsent } from '../openai-chat/fields.ts'
import type { Losses } from '../openai-chat/losses.ts'

type FunctionTool = Extract<ToolDefinition, { kind: 'function' }>

export function writeTools(request: InferenceRequest, losses: Losses): JsonObject {
  const functions = (request.tools ?? []).filter((tool): tool is FunctionTool => isFunction(tool, losses))
  if (functions.length === 0) return {}
  if (request.allowsParallelToolCalls === false) {
    losses.add('parallel_tool_calls', 'a model of Cohere may always call several tools at once')
  }
  const choice = readChoice(request, functions, losses)
  return withoutAbsent({
    tools: choice.tools.map((tool) => writeTool(tool, losses)),
    tool_choice: choice.word,
    strict_tools: strictness(choice.tools, losses),
  })
}

function isFunction(tool: ToolDefinition, losses: Losses): tool is FunctionTool {
  if (tool.kind === 'function') return true
  const name = tool.name ?? stringOf(tool.value['type']) ?? 'unknown'
  losses.add(`tools.${name}`, 'only the dialect it came from knows this kind of tool')
  return false
}

/** Cohere can demand some tool, not a certain one: shown no other, the model calls the one that was meant. */
function readChoice(request: InferenceRequest, tools: readonly FunctionTool[], losses: Losses) {
  const { toolChoice } = request
  switch (toolChoice?.type) {
    case undefined:
    case 'auto':
      return { tools }
    case 'none':
      return { tools, word: 'NONE' }
    case 'required':
      return { tools, word: 'REQUIRED' }
    case 'tool': {
      const named = tools.filter(({ name }) => name === toolChoice.name)
      return { tools: named.length === 0 ? tools : named, word: 'REQUIRED' }
    }
    case 'opaque':
      losses.add('tool_choice', 'only the dialect it came from knows this choice')
      return { tools }
  }
}

function writeTool(tool: FunctionTool, losses: Losses): JsonObject {
  for (const field of Object.keys(tool.vendor?.fields ?? {})) {
    losses.add(`tools.${field}`, 'the Cohere chat API has no such field')
  }
  return {
    type: 'function',
    function: withoutAbsent({
      name: tool.name,
      description: tool.description,
      parameters: tool.parameters ?? { type: 'object', properties: {} },
    }),
  }
}

/** All tools are strict or none is. */
function strictness(tools: readonly FunctionTool[], losses: Losses): true | undefined {
  const count = tools.filter(({ isStrict }) => isStrict === true).length
  if (count === 0) return undefined
  if (count === tools.length) return true
  losses.add('tools.strict', 'in the Cohere chat API all tools are strict or none is')
  return undefined
}
