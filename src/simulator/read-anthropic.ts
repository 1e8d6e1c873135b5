/** Reads requests of Anthropic's Messages. */

import type { JsonObject } from '../std/json.ts'
import { arrayOf, numberOf, objectOf, stringOf } from '../std/json.ts'
import { endOfMessages } from './conversation-end.ts'
import { messagesProblem } from './read-openai.ts'
import { charactersOf, markedPrompt, stringsOf } from './request-text.ts'
import type { RequestProblem, SimulatedRequest, SimulatedTool, ToolChoice } from './request.ts'

export function readAnthropic(request: SimulatedRequest, fields: JsonObject): SimulatedRequest {
  const messages = arrayOf(fields['messages'])
  const prompt = [fields['system'], ...messages]
  const choice = objectOf(fields['tool_choice'])
  const outputTokensMax = numberOf(fields['max_tokens'])
  const format = objectOf(objectOf(fields['output_config'])?.['format'] ?? fields['output_format'])
  const schema = format?.['schema']
  const thinking = stringOf(objectOf(fields['thinking'])?.['type'])
  return {
    ...request,
    ...endOfMessages(messages),
    ...(outputTokensMax === undefined ? {} : { outputTokensMax }),
    ...(schema === undefined ? {} : { responseSchema: schema }),
    stream: request.stream || fields['stream'] === true,
    stopSequences: stringsOf(fields['stop_sequences']),
    promptCharacters: charactersOf(prompt) + charactersOf(fields['tools']),
    cacheablePrompt: markedPrompt(prompt),
    tools: arrayOf(fields['tools']).flatMap(anthropicTool),
    toolChoice: anthropicToolChoice(choice),
    isParallelToolUse: choice?.['disable_parallel_tool_use'] !== true,
    isReasoningWanted: thinking === 'enabled' || thinking === 'adaptive',
  }
}

export function anthropicProblem(request: SimulatedRequest): RequestProblem | undefined {
  const needsCeiling = request.operation === 'chat' && request.outputTokensMax === undefined
  return (
    messagesProblem(request) ??
    (needsCeiling ? { message: 'max_tokens: Field required', param: 'max_tokens' } : undefined)
  )
}

function anthropicTool(tool: unknown): readonly SimulatedTool[] {
  const name = stringOf(objectOf(tool)?.['name'])
  return name === undefined ? [] : [{ name, schema: objectOf(tool)?.['input_schema'] ?? {} }]
}

function anthropicToolChoice(choice: JsonObject | undefined): ToolChoice {
  const name = stringOf(choice?.['name'])
  if (choice?.['type'] === 'tool' && name !== undefined) return { type: 'named', name }
  if (choice?.['type'] === 'none') return { type: 'none' }
  return { type: choice?.['type'] === 'any' ? 'required' : 'auto' }
}
