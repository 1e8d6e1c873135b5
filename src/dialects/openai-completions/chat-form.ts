/**
 * The answers of this dialect in the form of its younger brother: a choice's `text` as the content of a delta or of a
 * message. What reads OpenAI's chat then reads these too, with every deviation of servers that it knows.
 */

import { isJsonObject, type JsonObject, type JsonValue } from '../../std/json.ts'
import { chatLogprobs } from './logprobs.ts'

/** A chunk in the form of a chat chunk. A choice that has no text is left as it is: some servers answer as a chat. */
export function asChatChunk(chunk: JsonObject): JsonObject {
  return withChoices(chunk, (choice, text) => ({
    index: choice['index'],
    delta: { content: text },
    logprobs: chatLogprobs(choice['logprobs']),
    finish_reason: choice['finish_reason'],
  }))
}

/** A plain answer in the form of a plain chat answer. */
export function asChatAnswer(answer: JsonObject): JsonObject {
  return withChoices(answer, (choice, text) => ({
    index: choice['index'],
    message: { role: 'assistant', content: text },
    logprobs: chatLogprobs(choice['logprobs']),
    finish_reason: choice['finish_reason'],
  }))
}

function withChoices(
  answer: JsonObject,
  change: (choice: JsonObject, text: string) => JsonObject,
): JsonObject {
  const { choices } = answer
  if (!Array.isArray(choices)) return answer
  const changed = choices.map((choice: JsonValue) => {
    const text = isJsonObject(choice) ? choice['text'] : undefined
    return isJsonObject(choice) && typeof text === 'string' ? change(choice, text) : choice
  })
  return { ...answer, choices: changed }
}
