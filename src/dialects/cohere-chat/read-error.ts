/** What an error of Cohere says: `{message, id}`, and inside an answer a finish reason with the words beside it. */

import type { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, stringOf } from '../../std/json.ts'
import { classifyRefusal } from '../classify-refusal.ts'
import { isErrorWord } from './finish-words.ts'

/** The error that an answer or an event is instead of one; good ones carry an object as their `message`, or none. */
export function embeddedError(value: JsonObject): GatewayError | undefined {
  const { message, error } = value
  const text = stringOf(error) ?? stringOf(message)
  if (text === undefined && !isJsonObject(error)) return undefined
  const inner = isJsonObject(error) ? error : value
  return errorOf(inner, text ?? stringOf(inner['message']))
}

/** The error that a finish reason stands for: `ERROR`, `TIMEOUT`. */
export function finishError(facts: JsonObject): GatewayError | undefined {
  const { finish_reason: word, error } = facts
  if (!isErrorWord(word)) return undefined
  return errorOf({ type: word, ...facts }, stringOf(error) ?? `The answer ended with ${word}.`)
}

function errorOf(facts: JsonObject, message: string | undefined): GatewayError {
  const type = stringOf(facts['error_type']) ?? stringOf(facts['type'])
  const code = stringOf(facts['code'])
  return classifyRefusal({
    status: 200,
    headers: {},
    ...(type === undefined ? {} : { type }),
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
  })
}
