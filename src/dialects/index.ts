/** The dialects the gateway speaks, by id. A new one is a folder and a line here. */

import type { DialectId, TargetDialectId } from '../canonical/envelope.ts'
import { anthropicMessages } from './anthropic-messages/index.ts'
import { bedrockConverse } from './bedrock-converse/index.ts'
import { cohereChat } from './cohere-chat/index.ts'
import type { Dialect, TargetDialect } from './dialect.ts'
import { gemini } from './gemini/index.ts'
import { ollamaChat } from './ollama-chat/index.ts'
import { openaiChat } from './openai-chat/index.ts'
import { openaiCompletions } from './openai-completions/index.ts'
import { openaiResponses } from './openai-responses/index.ts'

export {
  anthropicMessages,
  bedrockConverse,
  cohereChat,
  gemini,
  ollamaChat,
  openaiChat,
  openaiCompletions,
  openaiResponses,
}

export const dialects: ReadonlyMap<DialectId, Dialect> = new Map(
  [openaiChat, anthropicMessages, openaiCompletions, openaiResponses, gemini].map((dialect) => [
    dialect.id,
    dialect,
  ]),
)

const onlyTargets: readonly TargetDialect[] = [bedrockConverse, cohereChat, ollamaChat]

/** Those that providers speak: all of the clients', and the ones that only providers do. */
export const targetDialects: ReadonlyMap<TargetDialectId, TargetDialect> = new Map<
  TargetDialectId,
  TargetDialect
>([...dialects, ...onlyTargets.map((dialect) => [dialect.id, dialect] as const)])
