/** One prompt of a conversation: the words of the only message as they are, or else a transcript for the model to go on with. */

import type { Message, Part } from '../../canonical/message.ts'
import type { Losses } from '../openai-chat/losses.ts'

export function writePrompt(messages: readonly Message[], losses: Losses): string {
  const [only] = messages
  if (only !== undefined && messages.length === 1 && only.role === 'user') return textOf(only.parts, losses)
  losses.add('messages.role', 'the OpenAI completions API has one prompt: the turns are written into it')
  const turns = messages.map((message) => `${speaker(message)}${textOf(message.parts, losses)}`)
  return [...turns, 'Assistant:'].join('\n\n')
}

function speaker({ role }: Message): string {
  switch (role) {
    case 'system':
    case 'developer':
      return ''
    case 'user':
      return 'User: '
    case 'assistant':
      return 'Assistant: '
    case 'tool':
      return 'Tool: '
  }
}

function textOf(parts: readonly Part[], losses: Losses): string {
  const texts: string[] = []
  for (const part of parts) {
    if (part.type === 'text' || part.type === 'refusal') texts.push(part.text)
    else if (part.type === 'tool-result') texts.push(textOf(part.parts, losses))
    else if (part.type === 'document' && part.source.kind === 'text') texts.push(part.source.text)
    else losses.add(`messages.${part.type}`, 'a prompt of the OpenAI completions API is words alone')
  }
  return texts.join('\n')
}
