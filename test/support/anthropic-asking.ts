/** Asks through Anthropic's own SDK, and reads what comes back. */

import type Anthropic from '@anthropic-ai/sdk'
import { anthropicClient, type Stage } from './clients.ts'

/** The whole message, streamed or not. */
export function askAnthropic(
  stage: Stage,
  options: Anthropic.MessageCreateParams,
  isStream: boolean,
): Promise<Anthropic.Message> {
  const { messages } = anthropicClient(stage)
  return isStream
    ? messages.stream({ ...options, stream: true }).finalMessage()
    : messages.create({ ...options, stream: false })
}

export function user(content: string): Anthropic.MessageParam[] {
  return [{ role: 'user', content }]
}

export function textOf(message: Anthropic.Message | Anthropic.Beta.BetaMessage): string {
  return message.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
}

export function callsOf(message: Anthropic.Message): readonly Anthropic.ToolUseBlock[] {
  return message.content.filter((block) => block.type === 'tool_use')
}
