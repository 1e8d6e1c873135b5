/** Reads requests of OpenAI's Responses. */

import type { JsonObject } from '../std/json.ts'
import { arrayOf, numberOf, objectOf, stringOf } from '../std/json.ts'
import { type ConversationEnd, endedBy } from './conversation-end.ts'
import { charactersOf, plainTextOf, textOf } from './request-text.ts'
import type { RequestProblem, SimulatedRequest, SimulatedTool, ToolChoice } from './request.ts'

export function readResponses(request: SimulatedRequest, fields: JsonObject): SimulatedRequest {
  const { input, instructions, tools, tool_choice: choice } = fields
  const items = arrayOf(input)
  const outputTokensMax = numberOf(fields['max_output_tokens'])
  const schema = responsesSchema(objectOf(objectOf(fields['text'])?.['format']))
  const effort = objectOf(fields['reasoning'])?.['effort']
  return {
    ...request,
    ...(typeof input === 'string' ? { lastUserText: input } : endOfItems(items)),
    ...(outputTokensMax === undefined ? {} : { outputTokensMax }),
    ...(schema === undefined ? {} : { responseSchema: schema }),
    stream: fields['stream'] === true,
    promptCharacters: charactersOf(instructions) + charactersOf(input) + charactersOf(tools),
    cacheablePrompt: textOf([instructions, ...items.slice(0, -1)]),
    tools: arrayOf(tools).flatMap(responsesTool),
    toolChoice: responsesToolChoice(choice),
    isParallelToolUse: fields['parallel_tool_calls'] !== false,
    isReasoningWanted: objectOf(fields['reasoning']) !== undefined && effort !== 'none',
  }
}

export function responsesProblem({ fields }: SimulatedRequest): RequestProblem | undefined {
  const { input } = fields
  const hasInput = typeof input === 'string' || (Array.isArray(input) && input.length > 0)
  const isContinued = fields['previous_response_id'] !== undefined || fields['prompt'] !== undefined
  return hasInput || isContinued ? undefined : { message: 'input must not be empty', param: 'input' }
}

/** Every output of a call behind the last message belongs to the one result. */
function endOfItems(items: readonly unknown[]): ConversationEnd {
  const lastUser = items.findLast((item) => objectOf(item)?.['role'] === 'user')
  const firstOutput = items.findLastIndex((item) => !isOutput(item)) + 1
  const outputs = items.slice(firstOutput).map((item) => plainTextOf(objectOf(item)?.['output']))
  return endedBy(
    plainTextOf(objectOf(lastUser)?.['content']),
    outputs.length === 0 ? undefined : outputs.join('\n'),
  )
}

function isOutput(item: unknown): boolean {
  const type = objectOf(item)?.['type']
  return type === 'function_call_output' || type === 'custom_tool_call_output'
}

function responsesTool(tool: unknown): readonly SimulatedTool[] {
  const fields = objectOf(tool)
  const name = fields?.['type'] === 'function' ? stringOf(fields['name']) : undefined
  return name === undefined ? [] : [{ name, schema: fields?.['parameters'] ?? {} }]
}

function responsesToolChoice(choice: unknown): ToolChoice {
  if (choice === 'none' || choice === 'required') return { type: choice }
  const name = stringOf(objectOf(choice)?.['name'])
  return name === undefined ? { type: 'auto' } : { type: 'named', name }
}

function responsesSchema(format: JsonObject | undefined): unknown {
  return format?.['type'] === 'json_object' ? {} : format?.['schema']
}
