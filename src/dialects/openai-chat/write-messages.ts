/**
 * Messages as this dialect wants them. Tool results of one message become messages of their own, right after the
 * calls they answer; what a tool message cannot hold (images, documents) follows in a message of the user.
 */

import type { Message, Part, ToolResultPart } from '../../canonical/message.ts'
import { type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import { DIALECT } from './fields.ts'
import type { Losses } from './losses.ts'
import { callSignature } from './call-signature.ts'
import { MESSAGE_FIELDS, TOOL_CALL_FIELDS } from './read-messages.ts'
import { writeDetails } from './reasoning-details.ts'
import { ContentWriter } from './write-content.ts'

export interface MessageWriterOptions {
  /** The request came in this dialect: its own words return as they were. */
  readonly isOwn: boolean
  readonly losses: Losses
}

type PartOf<T extends Part['type']> = Extract<Part, { type: T }>

export class MessageWriter {
  readonly #isOwn: boolean
  readonly #losses: Losses
  readonly #content: ContentWriter
  readonly #written: JsonObject[] = []
  /** Media of tool results, until the row of tool messages is over. */
  #media: JsonObject[] = []

  constructor(options: MessageWriterOptions) {
    this.#isOwn = options.isOwn
    this.#losses = options.losses
    this.#content = new ContentWriter(options)
  }

  write(messages: readonly Message[]): readonly JsonObject[] {
    for (const message of messages) this.#writeMessage(message)
    this.#flushMedia([])
    return this.#written
  }

  #writeMessage(message: Message): void {
    const results = partsOf(message, 'tool-result')
    for (const result of results) this.#writeToolResult(result, message)
    const rest =
      results.length === 0 ? message.parts : message.parts.filter((part) => part.type !== 'tool-result')
    if (results.length > 0 && rest.length === 0) return
    switch (message.role) {
      case 'system':
      case 'developer':
        this.#flushMedia([])
        return this.#push(message, { content: this.#content.writeText(rest, '\n\n') })
      case 'assistant':
        this.#flushMedia([])
        return this.#push(message, this.#assistant(rest))
      case 'user':
      case 'tool':
        return this.#writeUser(message, rest)
    }
  }

  #push(message: Message, fields: JsonObject): void {
    const name = message.name === undefined ? {} : { name: message.name }
    const extra = this.#ownFields(message.parts)
    this.#written.push({ role: message.role, ...name, ...fields, ...extra })
  }

  #writeUser(message: Message, parts: readonly Part[]): void {
    const media = this.#takeMedia()
    const content = this.#content.write(parts)
    const joined = media.length === 0 ? content : [...media, ...asParts(content)]
    this.#push({ ...message, role: 'user' }, { content: joined })
  }

  #writeToolResult(result: ToolResultPart, message: Message): void {
    const said = this.#content.writeToolText(result.parts)
    const isNamed = message.role === 'tool' && message.name !== undefined
    this.#written.push({
      role: 'tool',
      ...(isNamed ? { name: message.name } : {}),
      tool_call_id: result.toolCallId,
      // The dialect has no mark for a failed call: its text says so.
      content: result.isError === true && typeof said === 'string' ? `Error: ${said}` : said,
    })
    const media = this.#content.writeMedia(result.parts)
    if (media.length === 0) return
    this.#media.push({ type: 'text', text: `From the result of tool call ${result.toolCallId}:` }, ...media)
  }

  #takeMedia(): readonly JsonObject[] {
    const media = this.#media
    this.#media = []
    return media
  }

  #flushMedia(after: readonly JsonObject[]): void {
    const media = this.#takeMedia()
    if (media.length > 0) this.#written.push({ role: 'user', content: [...media, ...after] })
  }

  #assistant(parts: readonly Part[]): JsonObject {
    const text = this.#content.writeText(
      parts.filter(
        (part) => part.type !== 'reasoning' && part.type !== 'refusal' && part.type !== 'tool-call',
      ),
      '',
    )
    const calls = this.#toolCalls(parts)
    const refusal = ofType(parts, 'refusal').map((part) => part.text)
    const audio = ofType(parts, 'audio').find((part) => part.audioId !== undefined)
    return {
      content: text === '' && (calls.length > 0 || refusal.length > 0) ? null : text,
      ...this.#reasoning(parts),
      ...(refusal.length === 0 ? {} : { refusal: refusal.join('') }),
      ...(audio?.audioId === undefined ? {} : { audio: { id: audio.audioId } }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    }
  }

  /**
   * Servers that reason want their own words back (DeepSeek, Moonshot, vLLM), and theirs only: what names an origin here
   * was written by the target itself (provenance/).
   */
  #reasoning(parts: readonly Part[]): JsonObject {
    const reasoning = ofType(parts, 'reasoning').filter((part) => this.#isOwn || part.origin !== undefined)
    if (reasoning.length < ofType(parts, 'reasoning').length) {
      this.#losses.add('messages.thinking', 'reasoning is valid only at the provider that made it')
    }
    if (reasoning.length === 0) return {}
    const details = reasoning.flatMap((part, index) => writeDetails(part, { index }))
    const text = reasoning.map((part) => part.text).join('')
    return {
      ...(text === '' && details.length > 0 ? {} : { reasoning_content: text }),
      ...(details.length === 0 ? {} : { reasoning_details: details }),
    }
  }

  #toolCalls(parts: readonly Part[]): readonly JsonObject[] {
    const extra = this.#toolCallFields(parts)
    return ofType(parts, 'tool-call').flatMap((call) => {
      if (call.kind === 'provider') {
        this.#losses.add('messages.server_tool_use', 'a tool the provider ran belongs to that provider')
        return []
      }
      const fields = { ...extra.get(call.id), ...callSignature(call.signature) }
      if (call.kind === 'custom') {
        return { id: call.id, type: 'custom', custom: { name: call.name, input: call.arguments }, ...fields }
      }
      // Empty arguments are legal where they come from and no JSON here.
      const text = call.arguments === '' ? '{}' : call.arguments
      return { id: call.id, type: 'function', function: { name: call.name, arguments: text }, ...fields }
    })
  }

  #toolCallFields(parts: readonly Part[]): ReadonlyMap<string, JsonObject> {
    return new Map(
      ownOpaque(parts, TOOL_CALL_FIELDS).map((value) => [
        stringOf(value['id']) ?? '',
        objectOf(value['fields']) ?? {},
      ]),
    )
  }

  #ownFields(parts: readonly Part[]): JsonObject {
    return Object.assign(
      {},
      ...ownOpaque(parts, MESSAGE_FIELDS).map((value) => objectOf(value['fields']) ?? {}),
    )
  }
}

function partsOf<T extends Part['type']>(message: Message, type: T): readonly PartOf<T>[] {
  return ofType(message.parts, type)
}

function ofType<T extends Part['type']>(parts: readonly Part[], type: T): readonly PartOf<T>[] {
  return parts.filter((part): part is PartOf<T> => part.type === type)
}

function ownOpaque(parts: readonly Part[], type: string): readonly JsonObject[] {
  return ofType(parts, 'opaque')
    .filter((part) => part.dialect === DIALECT && part.value['type'] === type)
    .map((part) => part.value)
}

function asParts(content: string | readonly JsonObject[]): readonly JsonObject[] {
  if (typeof content !== 'string') return content
  return content === '' ? [] : [{ type: 'text', text: content }]
}
