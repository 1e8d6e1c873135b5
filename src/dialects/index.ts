/** The dialects the gateway speaks, by id. A new one is a folder and a line here. */

import type { DialectId } from '../canonical/envelope.ts'
import { anthropicMessages } from './anthropic-messages/index.ts'
import type { Dialect } from './dialect.ts'
import { openaiChat } from './openai-chat/index.ts'

export { anthropicMessages, openaiChat }

export const dialects: ReadonlyMap<DialectId, Dialect> = new Map(
  [openaiChat, anthropicMessages].map((dialect) => [dialect.id, dialect]),
)
