/** How a list of messages ends: the last thing the user said, and the tool result it ends in, if it does. */

import type { JsonObject } from '../std/json.ts'
import { arrayOf, objectOf } from '../std/json.ts'
import { plainTextOf } from './request-text.ts'
import type { SimulatedRequest } from './request.ts'

export type ConversationEnd = Pick<SimulatedRequest, 'lastUserText' | 'toolResult'>

/** Of messages with a `role` and a `content`, as Chat Completions, Messages and their cousins have them. */
export function endOfMessages(messages: readonly unknown[]): ConversationEnd {
  const last = objectOf(messages.at(-1))
  const lastUser = messages.findLast((each) => objectOf(each)?.['role'] === 'user')
  const toolResult = last === undefined ? undefined : toolResultOf(last)
  return endedBy(plainTextOf(objectOf(lastUser)?.['content']), toolResult)
}

export function endedBy(lastUserText: string, toolResult: string | undefined): ConversationEnd {
  return toolResult === undefined ? { lastUserText } : { lastUserText, toolResult }
}

function toolResultOf(message: JsonObject): string | undefined {
  if (message['role'] === 'tool') return plainTextOf(message['content'])
  const results = arrayOf(message['content']).filter((block) => objectOf(block)?.['type'] === 'tool_result')
  if (results.length === 0) return undefined
  return results.map((block) => plainTextOf(objectOf(block)?.['content'])).join('\n')
}
