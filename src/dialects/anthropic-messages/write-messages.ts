/**
 * Says a conversation in Anthropic's form: `system` apart, then user and assistant in turn (either may begin), tool
 * results first in the user turn after the calls.
 *
 * System messages in mid-conversation become text of the user turn where they stand, inside <system> tags: API version
 * 2023-06-01 has no system role in `messages`, and moving them to the front would change what they mean.
 */

import type { Message, Part, TextPart } from '../../canonical/message.ts'
import { assertNever } from '../../std/assert-never.ts'
import { type JsonObject, type JsonValue, stringOf } from '../../std/json.ts'
import type { LossList } from './losses.ts'
import { ToolIds } from './tool-ids.ts'
import { type BlockContext, isBlank, plainTextOf, textBlock, writeBlock } from './write-block.ts'

export interface WrittenConversation {
  readonly system: JsonValue | undefined
  readonly messages: readonly JsonObject[]
}

/** One turn while it is being put together. */
interface Turn {
  readonly role: 'user' | 'assistant'
  readonly toolResults: JsonObject[]
  readonly blocks: JsonObject[]
}

export function writeMessages(messages: readonly Message[], losses: LossList): WrittenConversation {
  const context: BlockContext = { losses, toolIds: new ToolIds() }
  const { leading, rest } = splitSystem(messages.filter(hasWords), losses)
  const system = leading.flatMap((message) => systemTexts(message, losses)).map(textBlock)
  const turns = endCleanly(alternate(rest, context))
  return {
    system: system.length === 0 ? undefined : (plainTextOf(system) ?? system),
    messages: turns.map(writeTurn),
  }
}

/** Anthropic refuses blank text, and a turn of nothing else is none. */
function hasWords({ parts }: Message): boolean {
  return parts.some((part) => part.type !== 'text' || !isBlank(part.text))
}

/** A conversation of system messages only keeps its last one as the user turn that Anthropic cannot do without. */
function splitSystem(
  messages: readonly Message[],
  losses: LossList,
): { leading: readonly Message[]; rest: readonly Message[] } {
  const first = messages.findIndex((message) => !isSystem(message))
  if (first >= 0) return { leading: messages.slice(0, first), rest: messages.slice(first) }
  const last = messages.at(-1)
  if (last === undefined) return { leading: [], rest: [] }
  losses.add('messages.role', 'The Messages API needs a user turn: the last system message is sent as one.')
  return { leading: messages.slice(0, -1), rest: [{ ...last, role: 'user' }] }
}

function isSystem(message: Message): boolean {
  return message.role === 'system' || message.role === 'developer'
}

/** The texts of a system message. */
function systemTexts(message: Message, losses: LossList): readonly TextPart[] {
  return message.parts.flatMap((part) => {
    if (part.type === 'text') return isBlank(part.text) ? [] : [part]
    losses.add(`system.${part.type}`, 'A system message of the Messages API is text only.')
    return []
  })
}

function alternate(messages: readonly Message[], context: BlockContext): readonly Turn[] {
  const turns: Turn[] = []
  for (const message of messages) {
    const turn = openTurn(turns, turnRole(message))
    if (message.name !== undefined)
      context.losses.add('messages.name', 'The Messages API has no participant names.')
    if (isSystem(message))
      turn.blocks.push(...systemTexts(message, context.losses).map(tagged).map(textBlock))
    else for (const part of message.parts) addPart(turn, part, context)
  }
  return turns.filter((turn) => turn.toolResults.length + turn.blocks.length > 0)
}

function turnRole(message: Message): Turn['role'] {
  switch (message.role) {
    case 'assistant':
      return 'assistant'
    case 'user':
    case 'tool':
    case 'system':
    case 'developer':
      return 'user'
    default:
      return assertNever(message.role)
  }
}

/** The last turn where it is this role's and holds something, else a new one. */
function openTurn(turns: Turn[], role: Turn['role']): Turn {
  const last = turns.at(-1)
  if (last?.role === role) return last
  if (last !== undefined && last.toolResults.length + last.blocks.length === 0) turns.pop()
  const previous = turns.at(-1)
  if (previous?.role === role) return previous
  const opened: Turn = { role, toolResults: [], blocks: [] }
  turns.push(opened)
  return opened
}

function addPart(turn: Turn, part: Part, context: BlockContext): void {
  if (turn.role === 'assistant' && isUserOnly(part)) {
    context.losses.add(`messages.assistant.${part.type}`, 'The Messages API takes this from users only.')
    return
  }
  const block = writeBlock(part, context)
  if (block === undefined) return
  if (block['type'] === 'tool_result') turn.toolResults.push(block)
  else turn.blocks.push(block)
}

function isUserOnly(part: Part): boolean {
  return part.type === 'image' || part.type === 'document' || part.type === 'tool-result'
}

function tagged(part: TextPart): TextPart {
  return { ...part, text: `<system>\n${part.text}\n</system>` }
}

/** Anthropic refuses an answer's beginning that ends in white space. */
function endCleanly(turns: readonly Turn[]): readonly Turn[] {
  const last = turns.at(-1)
  const block = last?.blocks.at(-1)
  if (last?.role !== 'assistant' || block?.['type'] !== 'text') return turns
  const text = (stringOf(block['text']) ?? '').trimEnd()
  const blocks = [...last.blocks.slice(0, -1), ...(text === '' ? [] : [{ ...block, text }])]
  const kept = turns.slice(0, -1)
  return blocks.length === 0 ? kept : [...kept, { ...last, blocks }]
}

function writeTurn(turn: Turn): JsonObject {
  const blocks = [...turn.toolResults, ...turn.blocks]
  return { role: turn.role, content: plainTextOf(blocks) ?? blocks }
}
