/** Tools and the choice among them. */

import type { Message } from '../../canonical/message.ts'
import type { InferenceRequest, ToolDefinition } from '../../canonical/request.ts'
import { type JsonObject, stringOf } from '../../std/json.ts'
import type { LossList } from '../anthropic-messages/losses.ts'
import { DIALECT } from './dialect-id.ts'
import type { ModelFamily } from './model-family.ts'
import { cachePoint, isBlank } from './write-block.ts'

/** `toolConfig`; absent where there is no tool to speak of. */
export function writeToolConfig(
  request: InferenceRequest,
  family: ModelFamily,
  losses: LossList,
): JsonObject | undefined {
  const isUsed = mentionsTools(request.messages)
  if (request.toolChoice?.type === 'none' && !isUsed) return undefined
  const asked = (request.tools ?? []).flatMap((tool) => writeTool(tool, family, losses))
  const tools = asked.length > 0 || !isUsed ? asked : toolsOfHistory(request.messages)
  if (tools.length === 0) return undefined
  if (request.allowsParallelToolCalls === false) {
    losses.add('parallel_tool_calls', 'The Converse API cannot forbid parallel tool calls.')
  }
  return { tools, ...writeToolChoice(request, losses) }
}

function writeTool(tool: ToolDefinition, family: ModelFamily, losses: LossList): readonly JsonObject[] {
  if (tool.kind === 'opaque') {
    if (tool.dialect === DIALECT) return [tool.value]
    const name = tool.name ?? stringOf(tool.value['type']) ?? 'other'
    losses.add(`tools.${name}`, 'Only the dialect it came from knows this kind of tool.')
    return []
  }
  if (tool.vendor !== undefined && tool.vendor.dialect !== DIALECT) {
    for (const name of Object.keys(tool.vendor.fields)) {
      losses.add(`tools.${name}`, 'A tool of the Converse API has no such field.')
    }
  }
  const { name, description, isStrict } = tool
  const toolSpec: JsonObject = {
    name,
    ...(description === undefined || isBlank(description) ? {} : { description }),
    inputSchema: { json: { type: 'object', ...tool.parameters } },
    ...(isStrict ? { strict: true } : {}),
  }
  // Nova takes cache points in messages and system only.
  return [{ toolSpec }, ...(family === 'claude' ? cachePoint(tool.cacheHint, family) : [])]
}

function writeToolChoice({ toolChoice }: InferenceRequest, losses: LossList): JsonObject {
  switch (toolChoice?.type) {
    case 'auto':
      return { toolChoice: { auto: {} } }
    case 'required':
      return { toolChoice: { any: {} } }
    case 'tool':
      return { toolChoice: { tool: { name: toolChoice.name } } }
    case 'none':
      losses.add('tool_choice', 'The Converse API cannot forbid tools that the conversation has used.')
      return {}
    case 'opaque':
      losses.add('tool_choice', 'The Converse API has no such choice of tools.')
      return {}
    case undefined:
      return {}
  }
}

function mentionsTools(messages: readonly Message[]): boolean {
  return messages.some(({ parts }) =>
    parts.some(({ type }) => type === 'tool-call' || type === 'tool-result'),
  )
}

/** A conversation with tool calls is refused without tools, so those it used are named again. */
function toolsOfHistory(messages: readonly Message[]): readonly JsonObject[] {
  const names = messages.flatMap(({ parts }) =>
    parts.flatMap((part) => (part.type === 'tool-call' && part.kind !== 'provider' ? [part.name] : [])),
  )
  return [...new Set(names)].map((name) => ({
    toolSpec: { name, inputSchema: { json: { type: 'object' } } },
  }))
}
