/** Reads requests of OpenAI's chat and of its older completions, and the tools and schemas its cousins share. */

import type { JsonObject } from '../std/json.ts'
import { arrayOf, numberOf, objectOf, stringOf } from '../std/json.ts'
import { endOfMessages } from './conversation-end.ts'
import { charactersOf, stringsOf, textOf } from './request-text.ts'
import type { RequestProblem, SimulatedRequest, SimulatedTool, ToolChoice } from './request.ts'

/** How many answers one request may ask for. */
const CHOICES_MAX = 128

export function readOpenAi(request: SimulatedRequest, fields: JsonObject): SimulatedRequest {
  const messages = arrayOf(fields['messages'])
  const outputTokensMax = numberOf(fields['max_completion_tokens']) ?? numberOf(fields['max_tokens'])
  const responseSchema = openAiSchema(fields['response_format'])
  return {
    ...request,
    ...endOfMessages(messages),
    ...(outputTokensMax === undefined ? {} : { outputTokensMax }),
    ...(responseSchema === undefined ? {} : { responseSchema }),
    stream: fields['stream'] === true,
    includeUsage: includesUsage(fields),
    choices: choicesOf(fields['n']),
    stopSequences: stringsOf(fields['stop']),
    promptCharacters: charactersOf(messages) + charactersOf(fields['tools']),
    cacheablePrompt: textOf(messages.slice(0, -1)),
    tools: arrayOf(fields['tools']).flatMap(openAiTool),
    toolChoice: openAiToolChoice(fields['tool_choice']),
    isParallelToolUse: fields['parallel_tool_calls'] !== false,
  }
}

/** `prompt` is a text, or a list of texts, or tokens that nobody here can read. */
export function readCompletions(request: SimulatedRequest, fields: JsonObject): SimulatedRequest {
  const { prompt } = fields
  const outputTokensMax = numberOf(fields['max_tokens'])
  return {
    ...request,
    lastUserText: stringsOf(prompt).join('\n'),
    ...(outputTokensMax === undefined ? {} : { outputTokensMax }),
    stream: fields['stream'] === true,
    includeUsage: includesUsage(fields),
    choices: choicesOf(fields['n']),
    stopSequences: stringsOf(fields['stop']),
    promptCharacters: charactersOf(prompt),
  }
}

/** Complains where there is no list of messages, or an empty one. */
export function messagesProblem({ fields }: SimulatedRequest): RequestProblem | undefined {
  const { messages } = fields
  return Array.isArray(messages) && messages.length > 0
    ? undefined
    : { message: 'messages must be a list that is not empty', param: 'messages' }
}

export function choicesOf(count: unknown): number {
  return Math.min(Math.max(1, numberOf(count) ?? 1), CHOICES_MAX)
}

function includesUsage(fields: JsonObject): boolean {
  return objectOf(fields['stream_options'])?.['include_usage'] === true
}

export function openAiTool(tool: unknown): readonly SimulatedTool[] {
  const definition = objectOf(objectOf(tool)?.['function'])
  const name = stringOf(definition?.['name'])
  return name === undefined ? [] : [{ name, schema: definition?.['parameters'] ?? {} }]
}

function openAiToolChoice(choice: unknown): ToolChoice {
  if (choice === 'none' || choice === 'required') return { type: choice }
  const name = stringOf(objectOf(objectOf(choice)?.['function'])?.['name'])
  return name === undefined ? { type: 'auto' } : { type: 'named', name }
}

function openAiSchema(format: unknown): unknown {
  const fields = objectOf(format)
  if (fields?.['type'] === 'json_object') return {}
  return objectOf(fields?.['json_schema'])?.['schema']
}
