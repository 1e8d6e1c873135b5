/** The content of a message: a string where words are all there is, parts where a user shows or plays something. */

import type { AudioPart, DocumentPart, ImagePart, Part, TextPart } from '../../canonical/message.ts'
import type { JsonObject } from '../../std/json.ts'
import { DIALECT, listOf } from './fields.ts'
import type { Losses } from './losses.ts'
import { MESSAGE_FIELDS, TOOL_CALL_FIELDS } from './read-messages.ts'
import { cacheControl } from './write-tools.ts'

export interface ContentWriterOptions {
  readonly isOwn: boolean
  readonly losses: Losses
}

export class ContentWriter {
  readonly #isOwn: boolean
  readonly #losses: Losses

  constructor(options: ContentWriterOptions) {
    this.#isOwn = options.isOwn
    this.#losses = options.losses
  }

  /** What a user says. */
  write(parts: readonly Part[]): string | readonly JsonObject[] {
    const written = parts.flatMap((part) => [...this.#about(part), ...listOf(this.#part(part))])
    const [first] = written
    if (first === undefined) return ''
    const isPlain = written.length === 1 && first['type'] === 'text' && first['cache_control'] === undefined
    return isPlain && typeof first['text'] === 'string' ? first['text'] : written
  }

  /** Words alone, for the roles whose content many servers take only as a string; the client's own parts stay. */
  writeText(parts: readonly Part[], separator: string): string | readonly JsonObject[] {
    if (this.#isOwn)
      return this.write(parts.filter((part) => part.type !== 'audio' || part.audioId === undefined))
    const texts: string[] = []
    for (const part of parts) {
      if (part.type === 'text') texts.push(part.text)
      else if (part.type === 'opaque') this.#noteOpaque(part.value)
      else if (part.type !== 'audio' || part.audioId === undefined) {
        this.#losses.add(
          `messages.${part.type}`,
          'only messages of the user hold this in the OpenAI chat API',
        )
      }
    }
    return texts.join(separator)
  }

  /** What a tool answered, in words; what is not words is for `writeMedia`. */
  writeToolText(parts: readonly Part[]): string | readonly JsonObject[] {
    if (this.#isOwn) return this.write(parts)
    const texts = parts.flatMap((part) => {
      if (part.type === 'text') return [part.text]
      if (part.type === 'document') return listOf(this.#documentText(part))
      if (part.type === 'opaque') this.#noteOpaque(part.value)
      return []
    })
    const isElsewhere = texts.length === 0 && parts.some((part) => part.type !== 'opaque')
    return isElsewhere ? 'The result follows in the next message.' : texts.join('\n')
  }

  /** What a tool showed, as parts for a message of the user. */
  writeMedia(parts: readonly Part[]): readonly JsonObject[] {
    if (this.#isOwn) return []
    return parts.flatMap((part) => {
      const isMedia = part.type === 'image' || part.type === 'audio' || part.type === 'document'
      if (!isMedia || (part.type === 'document' && this.#documentText(part) !== undefined)) return []
      return [...this.#about(part), ...listOf(this.#part(part))]
    })
  }

  /** A file has a name and nothing else: what is said about it stands before it. */
  #about(part: Part): readonly JsonObject[] {
    if (part.type !== 'document') return []
    if (part.wantsCitations === true)
      this.#losses.add('messages.document.citations', 'the OpenAI chat API cites no documents')
    if (!part.context || this.#documentText(part) !== undefined) return []
    return [{ type: 'text', text: part.context }]
  }

  #part(part: Part): JsonObject | undefined {
    switch (part.type) {
      case 'text':
        return { type: 'text', text: part.text, ...this.#cache(part) }
      case 'image':
        return this.#image(part)
      case 'audio':
        return this.#audio(part)
      case 'document':
        return this.#document(part)
      case 'refusal':
        return { type: 'text', text: part.text }
      case 'opaque':
        if (part.dialect !== DIALECT) return this.#noteOpaque(part.value)
        return part.value['type'] === MESSAGE_FIELDS || part.value['type'] === TOOL_CALL_FIELDS
          ? undefined
          : part.value
      case 'reasoning':
      case 'tool-call':
      case 'tool-result':
        this.#losses.add(`messages.${part.type}`, 'this role cannot say it in the OpenAI chat API')
        return undefined
    }
  }

  #noteOpaque(value: JsonObject): undefined {
    const { type } = value
    const name = typeof type === 'string' ? type : 'part'
    this.#losses.add(`messages.${name}`, 'only the dialect it came from knows this kind of content')
    return undefined
  }

  #cache(part: TextPart | ImagePart): JsonObject {
    return this.#isOwn && part.cacheHint ? { cache_control: cacheControl(part.cacheHint.ttl) } : {}
  }

  #image(part: ImagePart): JsonObject {
    const { source } = part
    const url =
      source.kind === 'url'
        ? source.url
        : source.kind === 'base64'
          ? `data:${source.mediaType};base64,${source.data}`
          : undefined
    if (url === undefined) return this.#omitted('messages.image', 'an image')
    const detail = part.detail === undefined ? {} : { detail: part.detail }
    return { type: 'image_url', image_url: { url, ...detail }, ...this.#cache(part) }
  }

  #audio(part: AudioPart): JsonObject {
    const { source } = part
    if (source.kind !== 'base64') return this.#omitted('messages.audio', 'a sound')
    const format = this.#isOwn && part.format !== undefined ? part.format : audioFormat(part)
    return { type: 'input_audio', input_audio: { data: source.data, format } }
  }

  #document(part: DocumentPart): JsonObject {
    const text = this.#documentText(part)
    if (text !== undefined) return { type: 'text', text }
    const { source, title } = part
    const filename = title ?? 'document.pdf'
    if (source.kind === 'base64' && (this.#isOwn || source.mediaType === 'application/pdf')) {
      return {
        type: 'file',
        file: {
          ...(title === undefined && this.#isOwn ? {} : { filename }),
          file_data: `data:${source.mediaType};base64,${source.data}`,
        },
      }
    }
    if (source.kind === 'file' && this.#isOwn) {
      return {
        type: 'file',
        file: { file_id: source.fileId, ...(title === undefined ? {} : { filename: title }) },
      }
    }
    if (source.kind === 'url' && this.#isOwn) {
      return { type: 'file', file: { ...(title === undefined ? {} : { filename }), file_data: source.url } }
    }
    return this.#omitted('messages.document', 'a document')
  }

  /** A document that is text is said as text, under its title. */
  #documentText(part: DocumentPart): string | undefined {
    const { source, title, context } = part
    if (this.#isOwn && source.kind === 'base64') return undefined
    const text =
      source.kind === 'text'
        ? source.text
        : source.kind === 'base64' && source.mediaType.startsWith('text/')
          ? Buffer.from(source.data, 'base64').toString('utf8')
          : undefined
    return text === undefined ? undefined : [title, context, text].filter(Boolean).join('\n')
  }

  /** Something stands in its place, so that the rest of the message still makes sense. */
  #omitted(field: string, what: string): JsonObject {
    this.#losses.add(field, 'the OpenAI chat API cannot carry it in this form')
    return { type: 'text', text: `[${what} stood here that could not be passed on]` }
  }
}

/** The word for a kind of sound that OpenAI's APIs know; others call it by the end of its media type. */
export function audioFormat({ source, format }: AudioPart): string {
  const word = (
    format ??
    ('mediaType' in source ? source.mediaType : undefined)?.replace(/^audio\//, '') ??
    ''
  ).replace(/^x-/, '')
  if (word === 'mpeg' || word === 'mpga') return 'mp3'
  return word === 'wave' || word === 'vnd.wave' ? 'wav' : word
}
