/**
 * Messages as Cohere wants them. Tool results of one message become messages of their own; a document whose citations are
 * wanted goes beside the messages, where Cohere cites from; every other is said as text.
 */

import type { DocumentPart, Message, Part, ToolResultPart } from '../../canonical/message.ts'
import { type JsonObject, stringOf } from '../../std/json.ts'
import { withoutAbsent } from '../openai-chat/fields.ts'
import type { Losses } from '../openai-chat/losses.ts'

export interface Conversation {
  readonly messages: readonly JsonObject[]
  readonly documents: readonly JsonObject[]
}

type PartOf<T extends Part['type']> = Extract<Part, { type: T }>

export class MessageWriter {
  readonly #losses: Losses
  readonly #messages: JsonObject[] = []
  readonly #documents: JsonObject[] = []

  constructor(losses: Losses) {
    this.#losses = losses
  }

  write(messages: readonly Message[]): Conversation {
    for (const message of messages) this.#writeMessage(message)
    return { messages: this.#messages, documents: this.#documents }
  }

  #writeMessage(message: Message): void {
    const results = ofType(message.parts, 'tool-result')
    for (const result of results) this.#messages.push(this.#toolResult(result))
    const rest = message.parts.filter((part) => part.type !== 'tool-result')
    if (results.length > 0 && rest.length === 0) return
    if (message.name !== undefined) this.#losses.add('messages.name', 'the Cohere chat API names no speaker')
    switch (message.role) {
      case 'system':
      case 'developer':
        this.#messages.push({ role: 'system', content: this.#words(rest).join('\n\n') })
        return
      case 'assistant':
        this.#messages.push(this.#assistant(rest))
        return
      case 'user':
      case 'tool':
        this.#messages.push({ role: 'user', content: this.#content(rest) })
    }
  }

  #content(parts: readonly Part[]): string | readonly JsonObject[] {
    const written = parts.flatMap((part) => this.#part(part))
    const [first] = written
    if (first === undefined) return ''
    return written.length === 1 && typeof first['text'] === 'string' ? first['text'] : written
  }

  #part(part: Part): readonly JsonObject[] {
    switch (part.type) {
      case 'image':
        return [this.#image(part)]
      case 'document':
        return this.#document(part)
      default:
        return this.#words([part]).map((text) => ({ type: 'text', text }))
    }
  }

  #image({ source, detail }: PartOf<'image'>): JsonObject {
    const url =
      source.kind === 'url'
        ? source.url
        : source.kind === 'base64'
          ? `data:${source.mediaType};base64,${source.data}`
          : undefined
    if (url === undefined) return { type: 'text', text: this.#omitted('image') }
    return { type: 'image_url', image_url: withoutAbsent({ url, detail }) }
  }

  #document(part: DocumentPart): readonly JsonObject[] {
    const text = documentText(part)
    if (text === undefined || part.wantsCitations !== true) {
      if (part.wantsCitations === true)
        this.#losses.add('messages.document.citations', 'Cohere cites documents of text only')
      return this.#words([part]).map((said) => ({ type: 'text', text: said }))
    }
    const data = withoutAbsent({ title: part.title, context: part.context, text })
    this.#documents.push({ id: `doc_${this.#documents.length}`, data })
    return []
  }

  /** What of these parts is words; a note stands in the place of what cannot be passed on. */
  #words(parts: readonly Part[]): readonly string[] {
    return parts.flatMap((part) => {
      switch (part.type) {
        case 'text':
        case 'refusal':
          return [part.text]
        case 'document': {
          const text = documentText(part)
          return [
            text === undefined
              ? this.#omitted('document')
              : [part.title, part.context, text].filter(Boolean).join('\n'),
          ]
        }
        case 'image':
        case 'audio':
          return [this.#omitted(part.type)]
        case 'opaque':
          this.#losses.add(
            `messages.${stringOf(part.value['type']) ?? 'part'}`,
            'only the dialect it came from knows this kind of content',
          )
          return []
        default:
          this.#losses.add(`messages.${part.type}`, 'this role cannot say it in the Cohere chat API')
          return []
      }
    })
  }

  #omitted(what: 'image' | 'audio' | 'document'): string {
    this.#losses.add(`messages.${what}`, 'the Cohere chat API cannot carry it in this form or place')
    return `[${what} that could not be passed on]`
  }

  #toolResult(result: ToolResultPart): JsonObject {
    const said = this.#words(result.parts).join('\n')
    return {
      role: 'tool',
      tool_call_id: result.toolCallId,
      // There is no mark for a failed call: its text says so.
      content: result.isError === true ? `Error: ${said}` : said,
    }
  }

  /** Beside tool calls, what was thought is their plan. */
  #assistant(parts: readonly Part[]): JsonObject {
    const calls = ofType(parts, 'tool-call').flatMap((call) => this.#toolCall(call))
    const thought = this.#thoughts(parts)
    const text = this.#words(
      parts.filter((part) => part.type !== 'tool-call' && part.type !== 'reasoning'),
    ).join('')
    if (calls.length > 0) {
      return {
        role: 'assistant',
        ...(text === '' ? {} : { content: text }),
        ...(thought === '' ? {} : { tool_plan: thought }),
        tool_calls: calls,
      }
    }
    if (thought === '') return { role: 'assistant', content: text }
    const thinking = { type: 'thinking', thinking: thought }
    return { role: 'assistant', content: text === '' ? [thinking] : [thinking, { type: 'text', text }] }
  }

  /** Cohere signs nothing: what is signed or encrypted was thought elsewhere and proves nothing here. */
  #thoughts(parts: readonly Part[]): string {
    return ofType(parts, 'reasoning')
      .filter(({ signature, encrypted }) => {
        const isForeign = signature !== undefined || encrypted !== undefined
        if (isForeign)
          this.#losses.add('messages.thinking', 'reasoning is valid only at the provider that made it')
        return !isForeign
      })
      .map(({ text }) => text)
      .join('')
  }

  #toolCall(call: PartOf<'tool-call'>): readonly JsonObject[] {
    if (call.kind === 'provider') {
      this.#losses.add('messages.server_tool_use', 'a tool the provider ran belongs to that provider')
      return []
    }
    const isFree = call.kind === 'custom'
    if (isFree) this.#losses.add('messages.custom_tool_call', 'the Cohere chat API calls functions only')
    const text = isFree ? JSON.stringify({ input: call.arguments }) : call.arguments
    // Empty arguments are legal where they come from and no JSON here.
    const fields = { name: call.name, arguments: text === '' ? '{}' : text }
    return [{ id: call.id, type: 'function', function: fields }]
  }
}

function ofType<T extends Part['type']>(parts: readonly Part[], type: T): readonly PartOf<T>[] {
  return parts.filter((part): part is PartOf<T> => part.type === type)
}

function documentText({ source }: DocumentPart): string | undefined {
  if (source.kind === 'text') return source.text
  return source.kind === 'base64' && source.mediaType.startsWith('text/')
    ? Buffer.from(source.data, 'base64').toString('utf8')
    : undefined
}
