/**
 * Says a conversation in Google's form: the leading system messages apart, then contents of the user and the model in
 * turn. System messages in mid-conversation become text of the user where they stand, inside <system> tags.
 */

import type { MediaSource, Message, Part, ToolCallPart, ToolResultPart } from '../../canonical/message.ts'
import { assertNever } from '../../std/assert-never.ts'
import { isJsonObject, type JsonObject, parseJson } from '../../std/json.ts'
import type { LossList } from '../anthropic-messages/losses.ts'
import { DIALECT } from './fields.ts'
import { PLACEHOLDER_SIGNATURE, wantsSignatures } from './thought-signatures.ts'

export interface WrittenConversation {
  readonly systemInstruction: JsonObject | undefined
  readonly contents: readonly JsonObject[]
}

interface Turn {
  readonly role: 'user' | 'model'
  readonly parts: JsonObject[]
}

export function writeContents(
  messages: readonly Message[],
  options: { readonly modelId: string; readonly losses: LossList },
): WrittenConversation {
  return new ContentsWriter(options).write(messages)
}

class ContentsWriter {
  readonly #losses: LossList
  /** Whether ids and signatures go with calls: the third generation gives them and wants them back. */
  readonly #isSigned: boolean
  readonly #names = new Map<string, string>()
  readonly #turns: Turn[] = []

  constructor({ modelId, losses }: { readonly modelId: string; readonly losses: LossList }) {
    this.#losses = losses
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
      contents: this.#turns
        .filter(({ parts }) => parts.length > 0)
        .map(({ role, parts }) => ({ role, parts })),
    }
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
    const { parts } = this.#turnOf(message.role === 'assistant' ? 'model' : 'user')
    if (isSystem(message)) {
      for (const text of this.#systemTexts(message)) parts.push({ text: `<system>\n${text}\n</system>` })
      return
    }
    const count = parts.length
    for (const part of message.parts) parts.push(...this.#writePart(part))
    if (message.role === 'assistant' && this.#isSigned) signFirstCall(parts, count)
  }

  #turnOf(role: Turn['role']): Turn {
    const last = this.#turns.at(-1)
    if (last?.role === role) return last
    const turn: Turn = { role, parts: [] }
    this.#turns.push(turn)
    return turn
  }

  #writePart(part: Part): readonly JsonObject[] {
    switch (part.type) {
      case 'text':
        if (part.text === '' && part.signature === undefined) return []
        return [{ text: part.text, ...signed(part) }]
      case 'refusal':
        return part.text === '' ? [] : [{ text: part.text }]
      case 'reasoning':
        // Google wants thoughts back only for their signature.
        return part.signature === undefined ? [] : [{ text: part.text, thought: true, ...signed(part) }]
      case 'image':
        return this.#writeMedia(part.source, { type: 'image', fallback: 'image/png' })
      case 'audio':
        return this.#writeMedia(part.source, { type: 'audio', fallback: `audio/${part.format ?? 'wav'}` })
      case 'document':
        return this.#writeMedia(part.source, { type: 'document', fallback: 'application/pdf' })
      case 'tool-call':
        return [this.#writeCall(part)]
      case 'tool-result':
        return this.#writeResult(part)
      case 'opaque':
        if (part.dialect === DIALECT) return [part.value]
        this.#losses.add(`messages.${String(part.value['type'] ?? 'part')}`, 'Gemini has no such part.')
        return []
      default:
        return assertNever(part)
    }
  }

  #writeCall(part: ToolCallPart): JsonObject {
    this.#names.set(part.id, part.name)
    const parsed = part.arguments === '' ? {} : parseJson(part.arguments)
    if (!isJsonObject(parsed))
      this.#losses.add(
        'messages.tool_calls.arguments',
        'Gemini takes the arguments of a call as an object only.',
      )
    const args = isJsonObject(parsed) ? parsed : { input: part.arguments }
    const id = this.#isSigned ? { id: part.id } : {}
    return { functionCall: { ...id, name: part.name, args }, ...signed(part) }
  }

  #writeResult(part: ToolResultPart): readonly JsonObject[] {
    const name = this.#names.get(part.toolCallId) ?? part.toolCallId
    const texts = part.parts.flatMap((each) => (each.type === 'text' ? [each.text] : []))
    const media = part.parts.filter((each) => each.type !== 'text').flatMap((each) => this.#writePart(each))
    const id = this.#isSigned ? { id: part.toolCallId } : {}
    const response = responseOf(texts.join('\n'), part.isError === true)
    // The third generation reads media inside the result; the others as parts beside it.
    const inside = this.#isSigned && media.length > 0 ? { parts: media } : {}
    return [{ functionResponse: { ...id, name, response, ...inside } }, ...(this.#isSigned ? [] : media)]
  }

  #writeMedia(
    source: MediaSource,
    { type, fallback }: { readonly type: string; readonly fallback: string },
  ): readonly JsonObject[] {
    switch (source.kind) {
      case 'base64':
        return [{ inlineData: { mimeType: source.mediaType || fallback, data: source.data } }]
      case 'text':
        return [{ text: source.text }]
      case 'file':
        return [{ fileData: { fileUri: source.fileId, mimeType: fallback } }]
      case 'url':
        if (/^https?:/i.test(source.url))
          return [{ fileData: { fileUri: source.url, mimeType: typeByName(source.url) ?? fallback } }]
        this.#losses.add(`messages.${type}`, 'Gemini fetches media over http and https only.')
        return []
      default:
        return assertNever(source)
    }
  }
}

function isSystem({ role }: Message): boolean {
  return role === 'system' || role === 'developer'
}

function signed({ signature }: { readonly signature?: string }): JsonObject {
  return signature === undefined ? {} : { thoughtSignature: signature }
}

/** The calls of other models have none: the documented words stand in for it on the first call of the turn. */
function signFirstCall(parts: JsonObject[], from: number): void {
  const at = parts.findIndex((part, index) => index >= from && part['functionCall'] !== undefined)
  const first = parts[at]
  const hasEarlier = parts.slice(0, from).some((part) => part['functionCall'] !== undefined)
  if (first === undefined || hasEarlier || first['thoughtSignature'] !== undefined) return
  parts[at] = { ...first, thoughtSignature: PLACEHOLDER_SIGNATURE }
}

/** An object is the response as it is; every other text stands under the field that Google's convention names. */
function responseOf(text: string, isError: boolean): JsonObject {
  if (isError) return { error: text }
  const parsed = parseJson(text)
  return isJsonObject(parsed) ? parsed : { output: text }
}

const typesByEnding: ReadonlyMap<string, string> = new Map([
  ['png', 'image/png'],
  ['jpg', 'image/jpeg'],
  ['jpeg', 'image/jpeg'],
  ['webp', 'image/webp'],
  ['gif', 'image/gif'],
  ['heic', 'image/heic'],
  ['heif', 'image/heif'],
  ['pdf', 'application/pdf'],
  ['txt', 'text/plain'],
  ['wav', 'audio/wav'],
  ['mp3', 'audio/mp3'],
])

function typeByName(url: string): string | undefined {
  const ending = /\.(\w{2,5})(?:[?#]|$)/.exec(url)?.[1]
  return ending === undefined ? undefined : typesByEnding.get(ending.toLowerCase())
}
