/**
 * Messages as Ollama wants them: words in one string, pictures beside them, a call's arguments as an object, and the
 * result of a call by the name of its tool.
 */

import type { DocumentPart, Message, Part, ToolResultPart } from '../../canonical/message.ts'
import { isJsonObject, type JsonObject, parseJson, stringOf } from '../../std/json.ts'
import type { Losses } from '../openai-chat/losses.ts'

type PartOf<T extends Part['type']> = Extract<Part, { type: T }>

export class MessageWriter {
  readonly #losses: Losses
  readonly #messages: JsonObject[] = []
  /** Which tool each call so far was made of. */
  readonly #toolNames = new Map<string, string>()

  constructor(losses: Losses) {
    this.#losses = losses
  }

  write(messages: readonly Message[]): readonly JsonObject[] {
    for (const message of messages) this.#writeMessage(message)
    return this.#messages
  }

  #writeMessage(message: Message): void {
    const results = ofType(message.parts, 'tool-result')
    for (const result of results) this.#messages.push(this.#toolResult(result, message))
    const rest = message.parts.filter((part) => part.type !== 'tool-result')
    if (results.length > 0 && rest.length === 0) return
    if (message.name !== undefined) this.#losses.add('messages.name', 'the Ollama chat API names no speaker')
    switch (message.role) {
      case 'system':
      case 'developer':
        this.#messages.push({ role: 'system', ...this.#content(rest) })
        return
      case 'assistant':
        this.#messages.push(this.#assistant(rest))
        return
      case 'user':
      case 'tool':
        this.#messages.push({ role: 'user', ...this.#content(rest) })
    }
  }

  /** Pictures have no place among the words: they come beside them, in order. */
  #content(parts: readonly Part[]): JsonObject {
    const texts: string[] = []
    const images: string[] = []
    for (const part of parts) {
      if (part.type === 'image' && part.source.kind === 'base64') images.push(part.source.data)
      else texts.push(...this.#words(part))
      if (part.type === 'image' && part.detail !== undefined && part.detail !== 'auto')
        this.#losses.add('messages.image.detail', 'a model of Ollama looks at a picture in one way')
      if (part.type === 'document' && part.wantsCitations === true)
        this.#losses.add('messages.document.citations', 'a model of Ollama cites nothing')
    }
    return { content: texts.join('\n'), ...(images.length === 0 ? {} : { images }) }
  }

  #words(part: Part): readonly string[] {
    switch (part.type) {
      case 'text':
      case 'refusal':
        return [part.text]
      case 'document': {
        const text = documentText(part)
        if (text === undefined) return [this.#omitted('document')]
        return [[part.title, part.context, text].filter(Boolean).join('\n')]
      }
      case 'image':
      case 'audio':
        return [this.#omitted(part.type)]
      case 'opaque': {
        const name = stringOf(part.value['type']) ?? 'part'
        this.#losses.add(`messages.${name}`, 'only the dialect it came from knows this kind of content')
        return []
      }
      default:
        this.#losses.add(`messages.${part.type}`, 'this role cannot say it in the Ollama chat API')
        return []
    }
  }

  #omitted(what: 'image' | 'audio' | 'document'): string {
    this.#losses.add(`messages.${what}`, 'the Ollama chat API takes pictures as bytes, and nothing else')
    return `[${what} that could not be passed on]`
  }

  #toolResult(result: ToolResultPart, message: Message): JsonObject {
    const { content, images } = this.#content(result.parts)
    const name = this.#toolNames.get(result.toolCallId) ?? message.name
    return {
      role: 'tool',
      // There is no mark for a failed call: its text says so.
      content: result.isError === true ? `Error: ${stringOf(content) ?? ''}` : content,
      ...(images === undefined ? {} : { images }),
      ...(name === undefined ? {} : { tool_name: name }),
      tool_call_id: result.toolCallId,
    }
  }

  #assistant(parts: readonly Part[]): JsonObject {
    const said = parts.filter((part) => part.type !== 'tool-call' && part.type !== 'reasoning')
    const thought = this.#thoughts(parts)
    const calls = ofType(parts, 'tool-call').flatMap((call) => this.#toolCall(call))
    return {
      role: 'assistant',
      ...this.#content(said),
      ...(thought === '' ? {} : { thinking: thought }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    }
  }

  /** Ollama signs nothing: what is signed or encrypted was thought elsewhere and proves nothing here. */
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
    this.#toolNames.set(call.id, call.name)
    const fields = { name: call.name, arguments: this.#arguments(call) }
    return [{ id: call.id, type: 'function', function: fields }]
  }

  /** Free text, and JSON that a model got wrong, go as the one member of an object. */
  #arguments(call: PartOf<'tool-call'>): JsonObject {
    if (call.arguments === '' && call.kind !== 'custom') return {}
    const parsed = call.kind === 'custom' ? undefined : parseJson(call.arguments)
    if (isJsonObject(parsed)) return parsed
    const field = call.kind === 'custom' ? 'messages.custom_tool_call' : 'messages.tool_calls.arguments'
    this.#losses.add(field, 'in the Ollama chat API the arguments of a call are an object')
    return { input: call.arguments }
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
