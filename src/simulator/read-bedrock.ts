/** Reads requests of Bedrock's Converse. */

import type { JsonObject } from '../std/json.ts'
import { arrayOf, numberOf, objectOf, stringOf } from '../std/json.ts'
import { type ConversationEnd, endedBy } from './conversation-end.ts'
import { messagesProblem } from './read-openai.ts'
import { charactersOf, plainTextOf, stringsOf, textOf } from './request-text.ts'
import type { RequestProblem, SimulatedRequest, SimulatedTool, ToolChoice } from './request.ts'

export function readBedrock(request: SimulatedRequest, body: JsonObject): SimulatedRequest {
  const fields = conversationOf(body)
  const messages = arrayOf(fields['messages'])
  const prompt = [fields['system'], ...messages]
  const config = objectOf(fields['inferenceConfig'])
  const outputTokensMax = numberOf(config?.['maxTokens'])
  const toolConfig = objectOf(fields['toolConfig'])
  const more = objectOf(fields['additionalModelRequestFields'])
  const thinking = objectOf(more?.['thinking'] ?? more?.['reasoning_config'])?.['type']
  const schema = bedrockSchema(fields)
  return {
    ...request,
    ...endOfMessages(messages),
    ...(outputTokensMax === undefined ? {} : { outputTokensMax }),
    ...(schema === undefined ? {} : { responseSchema: schema }),
    stopSequences: stringsOf(config?.['stopSequences']),
    promptCharacters: charactersOf(prompt) + charactersOf(toolConfig?.['tools']),
    cacheablePrompt: promptBeforeCachePoint(prompt),
    tools: arrayOf(toolConfig?.['tools']).flatMap(bedrockTool),
    toolChoice: bedrockToolChoice(objectOf(toolConfig?.['toolChoice'])),
    isReasoningWanted: thinking === 'enabled' || thinking === 'adaptive',
  }
}

export function bedrockProblem(request: SimulatedRequest): RequestProblem | undefined {
  return messagesProblem({ ...request, fields: conversationOf(request.fields) })
}

/** Tokens are counted of a request inside the request. */
function conversationOf(body: JsonObject): JsonObject {
  return objectOf(objectOf(body['input'])?.['converse']) ?? body
}

function endOfMessages(messages: readonly unknown[]): ConversationEnd {
  const lastUser = messages.findLast((message) => {
    const fields = objectOf(message)
    return fields?.['role'] === 'user' && resultsOf(message).length === 0
  })
  const results = resultsOf(messages.at(-1))
  const lastText = plainTextOf(objectOf(lastUser)?.['content'])
  return endedBy(lastText, results.length === 0 ? undefined : results.join('\n'))
}

function resultsOf(message: unknown): readonly string[] {
  return arrayOf(objectOf(message)?.['content']).flatMap((block) => {
    const result = objectOf(objectOf(block)?.['toolResult'])
    return result === undefined ? [] : [textOf(result['content'])]
  })
}

function bedrockTool(tool: unknown): readonly SimulatedTool[] {
  const spec = objectOf(objectOf(tool)?.['toolSpec'])
  const name = stringOf(spec?.['name'])
  return name === undefined ? [] : [{ name, schema: objectOf(spec?.['inputSchema'])?.['json'] ?? {} }]
}

function bedrockToolChoice(choice: JsonObject | undefined): ToolChoice {
  const name = stringOf(objectOf(choice?.['tool'])?.['name'])
  if (name !== undefined) return { type: 'named', name }
  return { type: choice?.['any'] === undefined ? 'auto' : 'required' }
}

/** The schema travels as text. */
function bedrockSchema(fields: JsonObject): unknown {
  const format = objectOf(objectOf(fields['outputConfig'])?.['textFormat'])
  const schema = objectOf(objectOf(format?.['structure'])?.['jsonSchema'])?.['schema']
  if (typeof schema !== 'string') return undefined
  try {
    return JSON.parse(schema)
  } catch {
    return {}
  }
}

/** Everything up to the last message that holds a cache point; nothing where none does. */
function promptBeforeCachePoint(prompt: readonly unknown[]): string {
  const last = prompt.findLastIndex((each) => blocksOf(each).some(isCachePoint))
  return last < 0 ? '' : textOf(prompt.slice(0, last + 1))
}

function blocksOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : arrayOf(objectOf(value)?.['content'])
}

function isCachePoint(block: unknown): boolean {
  return objectOf(block)?.['cachePoint'] !== undefined
}
