/** The content of a message or of a tool's output, as parts of this dialect. */

import type { AudioPart, DocumentPart, ImagePart, MediaSource, Part } from '../../canonical/message.ts'
import type { JsonObject } from '../../std/json.ts'
import { audioFormat } from '../openai-chat/write-content.ts'
import { DIALECT, listOf, type Losses, withoutAbsent } from './fields.ts'
import type { Writing } from './write-tools.ts'

export class ContentWriter {
  readonly #isOwn: boolean
  readonly #losses: Losses

  constructor({ isOwn, losses }: Writing) {
    this.#isOwn = isOwn
    this.#losses = losses
  }

  /** Words alone are a string; anything else is a list of parts. */
  write(parts: readonly Part[]): string | readonly JsonObject[] {
    const [first] = parts
    if (parts.length === 1 && first?.type === 'text') return first.text
    return parts.flatMap((part) => [...this.#about(part), ...listOf(this.#part(part))])
  }

  /** A file has a name and nothing else: what is said about it stands before it. */
  #about(part: Part): readonly JsonObject[] {
    if (part.type !== 'document') return []
    if (part.wantsCitations === true)
      this.#losses.add('messages.document.citations', 'the OpenAI Responses API cites no such documents')
    if (!part.context || this.#documentText(part) !== undefined) return []
    return [{ type: 'input_text', text: part.context }]
  }

  #part(part: Part): JsonObject | undefined {
    switch (part.type) {
      case 'text':
      case 'refusal':
        return { type: 'input_text', text: part.text }
      case 'image':
        return this.#image(part)
      case 'audio':
        return this.#audio(part)
      case 'document':
        return this.#document(part)
      case 'opaque':
        return part.dialect === DIALECT ? part.value : this.noteOpaque(part.value)
      case 'reasoning':
      case 'tool-call':
      case 'tool-result':
        this.#losses.add(`messages.${part.type}`, 'this role cannot say it in the OpenAI Responses API')
        return undefined
    }
  }

  noteOpaque({ type }: JsonObject): undefined {
    const name = typeof type === 'string' ? type : 'part'
    this.#losses.add(`messages.${name}`, 'only the dialect it came from knows this kind of content')
  }

  #image({ source, detail }: ImagePart): JsonObject {
    const url = urlOf(source)
    const file = source.kind === 'file' && this.#isOwn ? { file_id: source.fileId } : undefined
    if (url === undefined && file === undefined) return this.#omitted('messages.image', 'an image')
    return withoutAbsent({ type: 'input_image', image_url: url, ...file, detail })
  }

  #audio(part: AudioPart): JsonObject {
    const { source } = part
    if (source.kind !== 'base64') return this.#omitted('messages.audio', 'a sound')
    const format = this.#isOwn && part.format !== undefined ? part.format : audioFormat(part)
    return { type: 'input_audio', input_audio: { data: source.data, format } }
  }

  #document(part: DocumentPart): JsonObject {
    const text = this.#documentText(part)
    if (text !== undefined) return { type: 'input_text', text }
    const { source, title } = part
    if (source.kind === 'url')
      return withoutAbsent({ type: 'input_file', file_url: source.url, filename: title })
    if (source.kind === 'base64') {
      const filename = title ?? (this.#isOwn ? undefined : 'document.pdf')
      return withoutAbsent({ type: 'input_file', filename, file_data: urlOf(source) })
    }
    if (source.kind === 'file' && this.#isOwn)
      return withoutAbsent({ type: 'input_file', file_id: source.fileId, filename: title })
    return this.#omitted('messages.document', 'a document')
  }

  /** A document that is text is said as text, under its title. */
  #documentText({ source, title, context }: DocumentPart): string | undefined {
    if (source.kind === 'text') return [title, context, source.text].filter(Boolean).join('\n')
    if (this.#isOwn || source.kind !== 'base64' || !source.mediaType.startsWith('text/')) return undefined
    const text = Buffer.from(source.data, 'base64').toString('utf8')
    return [title, context, text].filter(Boolean).join('\n')
  }

  /** Something stands in its place, so that the rest of the message still makes sense. */
  #omitted(field: string, what: string): JsonObject {
    this.#losses.add(field, 'the OpenAI Responses API cannot take it from where it is')
    return { type: 'input_text', text: `[${what} was left out]` }
  }
}

function urlOf(source: MediaSource): string | undefined {
  if (source.kind === 'url') return source.url
  return source.kind === 'base64' ? `data:${source.mediaType};base64,${source.data}` : undefined
}
