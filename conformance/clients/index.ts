/** The official SDKs, by the dialect they speak. */

import type { DialectId } from '../../src/canonical/envelope.ts'
import { anthropicClient } from './anthropic-client.ts'
import { geminiClient } from './gemini-client.ts'
import type { OfficialClient } from './official-client.ts'
import { openaiChatClient } from './openai-chat-client.ts'
import { openaiCompletionsClient } from './openai-completions-client.ts'
import { openaiResponsesClient } from './openai-responses-client.ts'

export const officialClients: ReadonlyMap<DialectId, OfficialClient> = new Map(
  [openaiChatClient, openaiResponsesClient, anthropicClient, geminiClient, openaiCompletionsClient].map(
    (client) => [client.id, client],
  ),
)
