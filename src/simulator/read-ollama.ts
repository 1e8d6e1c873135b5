/** Reads requests of Ollama's own chat. */

import type { JsonObject } from '../std/json.ts'
import { arrayOf, numberOf, objectOf } from '../std/json.ts'
import { endOfMessages } from './conversation-end.ts'
import { openAiTool } from './read-openai.ts'
import { charactersOf, stringsOf } from './request-text.ts'
import type { SimulatedRequest } from './request.ts'

/** An answer is streamed unless the request says otherwise. */
export function readOllama(request: SimulatedRequest, fields: JsonObject): SimulatedRequest {
  const messages = arrayOf(fields['messages'])
  const options = objectOf(fields['options'])
  const tokensMax = numberOf(options?.['num_predict'])
  const { format, think } = fields
  const schema = format === 'json' ? {} : objectOf(format)
  return {
    ...request,
    ...endOfMessages(messages),
    // Less than none means without an end.
    ...(tokensMax === undefined || tokensMax < 0 ? {} : { outputTokensMax: tokensMax }),
    ...(schema === undefined ? {} : { responseSchema: schema }),
    stream: fields['stream'] !== false,
    stopSequences: stringsOf(options?.['stop']),
    promptCharacters: charactersOf(messages) + charactersOf(fields['tools']),
    tools: arrayOf(fields['tools']).flatMap(openAiTool),
    isReasoningWanted: think === true || typeof think === 'string',
  }
}
