/** Reads requests of Cohere's chat, second version. */

import type { JsonObject } from '../std/json.ts'
import { arrayOf, numberOf, objectOf } from '../std/json.ts'
import { endOfMessages } from './conversation-end.ts'
import { openAiTool } from './read-openai.ts'
import { charactersOf, stringsOf, textOf } from './request-text.ts'
import type { SimulatedRequest, ToolChoice } from './request.ts'

export function readCohere(request: SimulatedRequest, fields: JsonObject): SimulatedRequest {
  const messages = arrayOf(fields['messages']).map(withDocumentsRead)
  const outputTokensMax = numberOf(fields['max_tokens'])
  const format = objectOf(fields['response_format'])
  const isJson = format?.['type'] === 'json_object'
  return {
    ...request,
    ...endOfMessages(messages),
    ...(outputTokensMax === undefined ? {} : { outputTokensMax }),
    ...(isJson ? { responseSchema: format['json_schema'] ?? format['schema'] ?? {} } : {}),
    stream: fields['stream'] === true,
    stopSequences: stringsOf(fields['stop_sequences']),
    promptCharacters: charactersOf(messages) + charactersOf(fields['tools']),
    cacheablePrompt: textOf(messages.slice(0, -1)),
    tools: arrayOf(fields['tools']).flatMap(openAiTool),
    toolChoice: cohereToolChoice(fields['tool_choice']),
    isReasoningWanted: objectOf(fields['thinking'])?.['type'] === 'enabled',
  }
}

/** The result of a tool may come as documents; their words are its text. */
function withDocumentsRead(message: unknown): unknown {
  const fields = objectOf(message)
  if (fields?.['role'] !== 'tool') return message
  const content = arrayOf(fields['content']).map((block) => {
    const data = objectOf(objectOf(block)?.['document'])?.['data']
    return data === undefined ? block : { type: 'text', text: typeof data === 'string' ? data : textOf(data) }
  })
  return Array.isArray(fields['content']) ? { ...fields, content } : message
}

function cohereToolChoice(choice: unknown): ToolChoice {
  if (choice === 'NONE') return { type: 'none' }
  return { type: choice === 'REQUIRED' ? 'required' : 'auto' }
}
