/**
 * Says a conversation in Converse's form: `system` apart, then user and assistant in turn, tool results first in the
 * user turn after the calls. System messages in mid-conversation become text of the user turn where they stand, inside
 * <system> tags: few models behind this API know the role, and moving them to the front would change what they mean.
 */

import type { Message, Part, TextPart } from '../../canonical/message.ts'
import type { JsonObject } from '../../std/json.ts'
import type { LossList } from '../anthropic-messages/losses.ts'
import { ToolIds } from '../anthropic-messages/tool-ids.ts'
import type { ModelFamily } from './model-family.ts'
import { type BlockContext, cachePoint, isBlank, writeBlock } from './write-block.ts'
import { DocumentNames } from './write-media.ts'

export interface WrittenConversation {
  readonly system: readonly JsonObject[]
  readonly messages: readonly JsonObject[]
}

/** One turn while it is being put together. */
interface Turn {
  readonly role: 'user' | 'assistant'
  readonly toolResults: JsonObject[]
  readonly blocks: JsonObject[]
}

export function writeMessages(
  messages: readonly Message[],
  family: ModelFamily,
  losses: LossList,
): WrittenConversation {
  const context = { losses, family, toolIds: new ToolIds(), documentNames: new DocumentNames() }
  const { leading, rest } = splitSystem(messages, losses)
  const system = leading
    .flatMap((message) => systemTexts(message, losses))
    .flatMap((part) => textBlocks(part, family))
  return { system, messages: endCleanly(alternate(rest, context)).map(writeTurn) }
}

/** A conversation of system messages only keeps its last one as the user turn that Bedrock cannot do without. */
function splitSystem(
  messages: readonly Message[],
  losses: LossList,
): { leading: readonly Message[]; rest: readonly Message[] } {
  const first = messages.findIndex((message) => !isSystem(message))
  if (first >= 0) return { leading: messages.slice(0, first), rest: messages.slice(first) }
  const last = messages.at(-1)
  if (last === undefined) return { leading: [], rest: [] }
  losses.add('messages.role', 'The Converse API needs a user turn: the last system message is sent as one.')
  return { leading: messages.slice(0, -1), rest: [{ ...last, role: 'user' }] }
}

function isSystem({ role }: Message): boolean {
  return role === 'system' || role === 'developer'
}

function systemTexts(message: Message, losses: LossList): readonly TextPart[] {
  return message.parts.flatMap((part) => {
    if (part.type === 'text') return isBlank(part.text) ? [] : [part]
    losses.add(`system.${part.type}`, 'A system message of the Converse API is text only.')
    return []
  })
}

function textBlocks(part: TextPart, family: ModelFamily): readonly JsonObject[] {
  return [{ text: part.text }, ...cachePoint(part.cacheHint, family)]
}

function alternate(messages: readonly Message[], context: BlockContext): readonly Turn[] {
  const turns: Turn[] = []
  for (const message of messages) {
    const turn = openTurn(turns, message.role === 'assistant' ? 'assistant' : 'user')
    if (message.name !== undefined) {
      context.losses.add('messages.name', 'The Converse API has no participant names.')
    }
    if (isSystem(message)) turn.blocks.push(...taggedBlocks(message, context))
    else for (const part of message.parts) addPart(turn, part, context)
  }
  return turns.filter((turn) => !isEmpty(turn))
}

function taggedBlocks(message: Message, { losses, family }: BlockContext): readonly JsonObject[] {
  return systemTexts(message, losses).flatMap((part) =>
    textBlocks({ ...part, text: `<system>\n${part.text}\n</system>` }, family),
  )
}

/** The last turn where it is this role's and holds something, else a new one. */
function openTurn(turns: Turn[], role: Turn['role']): Turn {
  const last = turns.at(-1)
  if (last !== undefined && last.role !== role && isEmpty(last)) turns.pop()
  const previous = turns.at(-1)
  if (previous?.role === role) return previous
  const opened: Turn = { role, toolResults: [], blocks: [] }
  turns.push(opened)
  return opened
}

function isEmpty(turn: Turn): boolean {
  return turn.toolResults.length + turn.blocks.length === 0
}

function addPart(turn: Turn, part: Part, context: BlockContext): void {
  if (turn.role === 'assistant' && isUserOnly(part)) {
    context.losses.add(`messages.assistant.${part.type}`, 'The Converse API takes this from users only.')
    return
  }
  const block = writeBlock(part, context)
  if (block === undefined) return
  const list = part.type === 'tool-result' ? turn.toolResults : turn.blocks
  list.push(block, ...('cacheHint' in part ? cachePoint(part.cacheHint, context.family) : []))
}

function isUserOnly(part: Part): boolean {
  return (
    part.type !== 'text' &&
    part.type !== 'refusal' &&
    part.type !== 'tool-call' &&
    part.type !== 'reasoning' &&
    part.type !== 'opaque'
  )
}

/** An answer's beginning that ends in white space is refused. */
function endCleanly(turns: readonly Turn[]): readonly Turn[] {
  const last = turns.at(-1)
  const text = last?.blocks.at(-1)?.['text']
  if (last?.role !== 'assistant' || typeof text !== 'string') return turns
  // Never blank: blank text was not written.
  return [...turns.slice(0, -1), { ...last, blocks: [...last.blocks.slice(0, -1), { text: text.trimEnd() }] }]
}

function writeTurn(turn: Turn): JsonObject {
  return { role: turn.role, content: [...turn.toolResults, ...turn.blocks] }
}
