/** The dialects the gateway speaks, by id. A new one is a folder and a line here. */

import type { DialectId, TargetDialectId } from '../canonical/envelope.ts'
import { anthropicMessages } from './anthropic-messages/index.ts'
import type { Dialect, TargetDialect } from './dialect.ts'
import { openaiChat } from './openai-chat/index.ts'

export { anthropicMessages, openaiChat }

export const dialects: ReadonlyMap<DialectId, Dialect> = new Map(
  [openaiChat, anthropicMessages].map((dialect) => [dialect.id, dialect]),
)

/** Those that providers speak: all of the clients', and the ones that only providers do. */
export const targetDialects: ReadonlyMap<TargetDialectId, TargetDialect> = new Map<
  TargetDialectId,
  TargetDialect
>([...dialects])
