/** Messages as items: an assistant's turn comes apart into reasoning, messages and calls, in the order they were said. */

import type { Message, Part, ReasoningPart, ToolCallPart, ToolResultPart } from '../../canonical/message.ts'
import { type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import { legalCallId } from './call-ids.ts'
import { writeAnnotation } from './citations.ts'
import { DIALECT, listOf, MESSAGE_FIELDS, TOOL_CALL_FIELDS } from './fields.ts'
import { ContentWriter } from './write-content.ts'
import type { Writing } from './write-tools.ts'

export class ItemsWriter {
  readonly #writing: Writing
  readonly #content: ContentWriter
  readonly #items: JsonObject[] = []
  readonly #customCalls = new Set<string>()

  constructor(writing: Writing) {
    this.#writing = writing
    this.#content = new ContentWriter(writing)
  }

  write(messages: readonly Message[]): readonly JsonObject[] {
    for (const message of messages) this.#message(message)
    return this.#items
  }

  #message(message: Message): void {
    if (message.name !== undefined)
      this.#writing.losses.add('messages.name', 'the OpenAI Responses API has no names of participants')
    if (message.role === 'assistant') return this.#turn(message.parts)
    const results = message.parts.filter((part) => part.type === 'tool-result')
    for (const result of results) this.#result(result)
    const rest = message.parts.filter((part) => part.type !== 'tool-result')
    if (rest.length === 0 && results.length > 0) return
    this.#said(message.role === 'tool' ? 'user' : message.role, rest)
  }

  /** Items that stand alone are not content: they are written in place. */
  #said(role: string, parts: readonly Part[]): void {
    const content = parts.filter((part) => !isOwnItem(part))
    for (const part of parts) if (isOwnItem(part)) this.#items.push(part.value)
    if (content.length === 0 && parts.length > 0) return
    this.#items.push({ role, content: this.#content.write(content) })
  }

  #result({ toolCallId, parts, isError }: ToolResultPart): void {
    const said = this.#content.write(parts)
    const type = this.#customCalls.has(toolCallId) ? 'custom_tool_call_output' : 'function_call_output'
    const output = isError === true ? failed(said) : said
    this.#items.push({ type, call_id: legalCallId(toolCallId), output })
  }

  #turn(parts: readonly Part[]): void {
    let content: JsonObject[] = []
    let fields: JsonObject = {}
    const closeMessage = () => {
      if (content.length > 0) this.#items.push({ type: 'message', role: 'assistant', content, ...fields })
      content = []
      fields = {}
    }
    for (const [index, part] of parts.entries()) {
      if (part.type === 'text' || part.type === 'refusal') content.push(this.#answer(part))
      else if (isOwnFields(part, MESSAGE_FIELDS)) {
        fields = objectOf(part.value['fields']) ?? {}
        closeMessage()
      } else {
        closeMessage()
        this.#items.push(...this.#item(part, parts, index))
      }
    }
    closeMessage()
  }

  #answer(part: Extract<Part, { type: 'text' | 'refusal' }>): JsonObject {
    if (part.type === 'refusal') return { type: 'refusal', refusal: part.text }
    const annotations = (part.citations ?? []).flatMap((citation) => listOf(writeAnnotation(citation)))
    return { type: 'output_text', text: part.text, annotations }
  }

  #item(part: Part, parts: readonly Part[], index: number): readonly JsonObject[] {
    switch (part.type) {
      case 'tool-call':
        return this.#call(part, parts)
      case 'reasoning':
        return this.#reasoning(part, parts, index)
      case 'opaque':
        if (part.dialect !== DIALECT) this.#content.noteOpaque(part.value)
        return isOwnItem(part) ? [part.value] : []
      default:
        this.#writing.losses.add(
          `messages.assistant.${part.type}`,
          'a model cannot have said it in the OpenAI Responses API',
        )
        return []
    }
  }

  #call(call: ToolCallPart, parts: readonly Part[]): readonly JsonObject[] {
    const { id, name, kind } = call
    if (kind === 'provider') {
      this.#writing.losses.add('messages.server_tool_use', 'a tool the provider ran belongs to that provider')
      return []
    }
    const fields = callFields(parts, id)
    if (kind === 'custom') {
      this.#customCalls.add(id)
      const head = { type: 'custom_tool_call', call_id: legalCallId(id), name }
      return [{ ...head, input: call.arguments, ...fields }]
    }
    // Empty arguments are legal where they come from and no JSON here.
    const text = call.arguments === '' ? '{}' : call.arguments
    return [{ type: 'function_call', call_id: legalCallId(id), name, arguments: text, ...fields }]
  }

  /**
   * Parts under one id are one item. Only reasoning that this API's maker encrypted can be sent back to it; what others
   * thought, or signed, says nothing here: leaving it out is how every server of this dialect wants it.
   */
  #reasoning(part: ReasoningPart, parts: readonly Part[], index: number): readonly JsonObject[] {
    if (continuesReasoning(part, parts[index - 1])) return []
    const group: ReasoningPart[] = [part]
    for (const next of parts.slice(index + 1)) {
      if (next.type !== 'reasoning' || !continuesReasoning(next, group.at(-1))) break
      group.push(next)
    }
    const encrypted = group.find((member) => member.encrypted !== undefined)?.encrypted
    const texts = group.map(({ text }) => text).filter((text) => text !== '')
    if (encrypted !== undefined) return [reasoningItem(part.id, { texts, encrypted })]
    if (this.#writing.isOwn && group.every(({ signature }) => signature === undefined))
      return [reasoningItem(part.id, { texts })]
    return []
  }
}

/** The dialect has no mark for a failed call: its words say so. */
function failed(said: string | readonly JsonObject[]): string | readonly JsonObject[] {
  if (typeof said === 'string') return `Error: ${said}`
  const [first, ...rest] = said
  if (first?.['type'] !== 'input_text') return [{ type: 'input_text', text: 'Error:' }, ...said]
  return [{ ...first, text: `Error: ${stringOf(first['text']) ?? ''}` }, ...rest]
}

function continuesReasoning(part: ReasoningPart, before: Part | undefined): boolean {
  return (
    before?.type === 'reasoning' &&
    part.id !== undefined &&
    before.id === part.id &&
    before.encrypted === undefined
  )
}

interface ReasoningSaid {
  readonly texts: readonly string[]
  readonly encrypted?: string
}

/** Without encryption the text is the reasoning itself, which servers of open models want back as content. */
function reasoningItem(id: string | undefined, { texts, encrypted }: ReasoningSaid): JsonObject {
  const head = { type: 'reasoning', ...(id === undefined ? {} : { id }) }
  if (encrypted === undefined && texts.length > 0)
    return { ...head, summary: [], content: texts.map((text) => ({ type: 'reasoning_text', text })) }
  return {
    ...head,
    summary: texts.map((text) => ({ type: 'summary_text', text })),
    ...(encrypted === undefined ? {} : { encrypted_content: encrypted }),
  }
}

function callFields(parts: readonly Part[], id: string): JsonObject {
  const found = parts.find((part) => isOwnFields(part, TOOL_CALL_FIELDS) && part.value['id'] === id)
  return found?.type === 'opaque' ? (objectOf(found.value['fields']) ?? {}) : {}
}

type OwnOpaque = Extract<Part, { type: 'opaque' }>

function isOwnFields(part: Part, type: string): part is OwnOpaque {
  return part.type === 'opaque' && part.dialect === DIALECT && part.value['type'] === type
}

/** A whole item, not a part of a message's content and nothing of ours. */
function isOwnItem(part: Part): part is OwnOpaque {
  if (part.type !== 'opaque' || part.dialect !== DIALECT) return false
  const type = stringOf(part.value['type']) ?? ''
  return !/^(?:input_|output_|computer_screenshot$|message_fields$|tool_call_fields$)/.test(type)
}
