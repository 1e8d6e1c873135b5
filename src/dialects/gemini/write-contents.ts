/**
 * Says a conversation in Google's form: the leading system messages apart, then contents of the user and the model in
 * turn. System messages in mid-conversation become text of the user where they stand, inside <system> tags.
 */

import type { Message, Part, ReasoningPart, ToolCallPart, ToolResultPart } from '../../canonical/message.ts'
import { assertNever } from '../../std/assert-never.ts'
import { isJsonObject, type JsonObject, stringOf } from '../../std/json.ts'
import type { LossList } from '../anthropic-messages/losses.ts'
import { syntheticCallId } from './call-ids.ts'
import { parseExactly } from './exact-json.ts'
import { DIALECT } from './fields.ts'
import { PLACEHOLDER_SIGNATURE, wantsSignatures } from './thought-signatures.ts'
import { writeMedia } from './write-media.ts'

export interface WrittenConversation {
  readonly systemInstruction: JsonObject | undefined
  readonly contents: readonly JsonObject[]
}

interface Turn {
  readonly role: 'user' | 'model'
  readonly parts: JsonObject[]
}

export interface ConversationWriting {
  readonly modelId: string
  /** The request came in this dialect: its own words return as they were. */
  readonly isOwn: boolean
  readonly losses: LossList
}

export function writeContents(
  messages: readonly Message[],
  options: ConversationWriting,
): WrittenConversation {
  return new ContentsWriter(options).write(messages)
}

class ContentsWriter {
  readonly #losses: LossList
  readonly #isOwn: boolean
  /** Whether calls want signatures and results hold media: so it is from the third generation on. */
  readonly #isSigned: boolean
  readonly #names = new Map<string, string>()
  /** Ids that were made up for calls without one, and are nobody's. */
  readonly #madeUp = new Set<string>()
  #callCount = 0
  readonly #turns: Turn[] = []

  constructor({ modelId, isOwn, losses }: ConversationWriting) {
    this.#losses = losses
    this.#isOwn = isOwn
    this.#isSigned = wantsSignatures(modelId)
  }

  write(messages: readonly Message[]): WrittenConversation {
    const first = messages.findIndex((message) => !isSystem(message))
    const leading = first < 0 ? messages.slice(0, -1) : messages.slice(0, first)
    const rest = first < 0 ? messages.slice(-1) : messages.slice(first)
    for (const message of rest) this.#writeMessage(message)
    const system = leading.flatMap((message) => this.#systemTexts(message))
    return {
      systemInstruction: system.length === 0 ? undefined : { parts: system.map((text) => ({ text })) },
      contents: this.#contents(),
    }
  }

  /** A user who says nothing is heard saying nothing: a content must have a part, and a request a content. */
  #contents(): readonly JsonObject[] {
    const first = this.#turns[0]
    // A model that calls before it was asked is refused.
    const isUnasked = first?.role === 'model' && first.parts.some(isCall)
    const turns: readonly Turn[] =
      first === undefined || isUnasked ? [{ role: 'user', parts: [] }, ...this.#turns] : this.#turns
    return turns.map(({ role, parts }) => ({
      role,
      parts: parts.length === 0 ? [{ text: '' }] : this.#ordered(parts),
    }))
  }

  /** All results of a turn come before what is said after them; media of one would stand between it and the next. */
  #ordered(parts: readonly JsonObject[]): readonly JsonObject[] {
    if (this.#isOwn) return parts
    return [...parts.filter(isResult), ...parts.filter((part) => !isResult(part))]
  }

  #systemTexts(message: Message): readonly string[] {
    return message.parts.flatMap((part) => {
      if (part.type === 'text') return part.text === '' ? [] : [part.text]
      this.#losses.add(`system.${part.type}`, 'A system instruction is sent as text only.')
      return []
    })
  }

  #writeMessage(message: Message): void {
    if (message.name !== undefined) this.#losses.add('messages.name', 'Gemini has no participant names.')
    const written = isSystem(message)
      ? this.#systemTexts(message).map((text) => ({ text: `<system>\n${text}\n</system>` }))
      : message.parts.flatMap((part) => this.#writePart(part, message))
    // A silent model has no turn, so that the user's before and after it are one.
    if (message.role === 'assistant' && written.length === 0) return
    const { parts } = this.#turnOf(message.role === 'assistant' ? 'model' : 'user')
    const count = parts.length
    parts.push(...written)
    if (message.role === 'assistant' && this.#isSigned) signFirstCall(parts, count)
  }

  #turnOf(role: Turn['role']): Turn {
    const last = this.#turns.at(-1)
    if (last?.role === role) return last
    const turn: Turn = { role, parts: [] }
    this.#turns.push(turn)
    return turn
  }

  #writePart(part: Part, message: Pick<Message, 'parts'>): readonly JsonObject[] {
    switch (part.type) {
      case 'text':
        if (part.text === '' && part.signature === undefined) return []
        return [{ text: part.text, ...signed(part) }]
      case 'refusal':
        return part.text === '' ? [] : [{ text: part.text }]
      case 'reasoning':
        return this.#writeThought(part, message)
      case 'image':
      case 'audio':
      case 'document':
        return writeMedia(part, { isOwn: this.#isOwn, losses: this.#losses })
      case 'tool-call':
        if (part.kind !== 'provider') return [this.#writeCall(part)]
        this.#losses.add('messages.server_tool_use', 'A tool that a provider ran belongs to that provider.')
        return []
      case 'tool-result':
        return this.#writeResult(part)
      case 'opaque':
        if (part.dialect === DIALECT) return [part.value]
        this.#losses.add(`messages.${stringOf(part.value['type']) ?? 'part'}`, 'Gemini has no such part.')
        return []
      default:
        return assertNever(part)
    }
  }

  /**
   * Thoughts go back to who thought them: what is signed or names its origin is Google's own, and what a client of Google's
   * says. Where what the turn says is signed, the words are no loss: that is what Google knows its thoughts by.
   */
  #writeThought(part: ReasoningPart, { parts }: Pick<Message, 'parts'>): readonly JsonObject[] {
    const isTheirs = this.#isOwn || part.origin !== undefined
    if (part.signature !== undefined || (isTheirs && part.text !== ''))
      return [{ text: part.text, thought: true, ...signed(part) }]
    if (part.encrypted === undefined && parts.some(isSignedSpeech)) return []
    if (part.text !== '' || part.encrypted !== undefined)
      this.#losses.add('messages.reasoning', 'Reasoning is of use only to the provider that made it.')
    return []
  }

  #writeCall(part: ToolCallPart): JsonObject {
    this.#names.set(part.id, part.name)
    if (part.id === syntheticCallId(part.name, 0, this.#callCount)) this.#madeUp.add(part.id)
    this.#callCount += 1
    const isFree = part.kind === 'custom'
    const parsed = isFree ? undefined : part.arguments === '' ? {} : parseExactly(part.arguments)
    if (!isJsonObject(parsed))
      this.#losses.add(
        isFree ? 'messages.custom_tool_call' : 'messages.tool_calls.arguments',
        'Gemini takes the arguments of a call as an object only.',
      )
    const args = isJsonObject(parsed) ? parsed : { input: part.arguments }
    return { functionCall: { ...this.#idOf(part.id), name: part.name, args }, ...signed(part) }
  }

  #idOf(id: string): JsonObject {
    return this.#madeUp.has(id) ? {} : { id }
  }

  #writeResult(part: ToolResultPart): readonly JsonObject[] {
    const name = this.#names.get(part.toolCallId) ?? part.toolCallId
    const texts = part.parts.flatMap((each) => (each.type === 'text' ? [each.text] : []))
    const media = part.parts
      .filter((each) => each.type !== 'text')
      .flatMap((each) => this.#writePart(each, part))
    const response = responseOf(texts.join('\n'), part.isError === true)
    const inside = media.filter((each) => this.#isInside(each))
    const beside = media.filter((each) => !this.#isInside(each))
    const shown = inside.length === 0 ? {} : { parts: inside }
    const result = { ...this.#idOf(part.toolCallId), name, response, ...shown }
    return [{ functionResponse: result }, ...beside]
  }

  /** The third generation reads bytes inside the result, and nothing else; the others read all parts beside it. */
  #isInside(part: JsonObject): boolean {
    return this.#isOwn || (this.#isSigned && part['inlineData'] !== undefined)
  }
}

function isSignedSpeech(part: Part): boolean {
  return (part.type === 'text' || part.type === 'tool-call') && part.signature !== undefined
}

function isCall(part: JsonObject): boolean {
  return part['functionCall'] !== undefined
}

function isResult(part: JsonObject): boolean {
  return part['functionResponse'] !== undefined
}

function isSystem({ role }: Message): boolean {
  return role === 'system' || role === 'developer'
}

function signed({ signature }: { readonly signature?: string }): JsonObject {
  return signature === undefined ? {} : { thoughtSignature: signature }
}

/** The calls of other models have none: the documented words stand in for it on the first call of the turn. */
function signFirstCall(parts: JsonObject[], from: number): void {
  const at = parts.findIndex((part, index) => index >= from && isCall(part))
  const first = parts[at]
  const hasEarlier = parts.slice(0, from).some(isCall)
  if (first === undefined || hasEarlier || first['thoughtSignature'] !== undefined) return
  parts[at] = { ...first, thoughtSignature: PLACEHOLDER_SIGNATURE }
}

/** An object is the response as it is; every other text stands under the field that Google's convention names. */
function responseOf(text: string, isError: boolean): JsonObject {
  if (isError) return { error: text }
  const parsed = parseExactly(text)
  return isJsonObject(parsed) ? parsed : { output: text }
}
