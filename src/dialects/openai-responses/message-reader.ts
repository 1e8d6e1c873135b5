/** A message of an answer as it grows: its texts and refusals, with their sources and probabilities. */

import type { Citation } from '../../canonical/message.ts'
import { arrayOf, isJsonObject, type JsonObject, type JsonValue, stringOf } from '../../std/json.ts'
import { readAnnotation, readAnnotations } from './citations.ts'
import type { ItemReader, ItemSurroundings } from './item-reader.ts'
import { indexOf, placesOf, SaidText } from './said-text.ts'

type TextKind = 'text' | 'refusal'

/** One `output_text` or `refusal` of a message. */
interface ContentPart {
  readonly part: number
  readonly kind: TextKind
  readonly said: SaidText
  citations: readonly Citation[]
  hasLogprobs: boolean
  isClosed: boolean
}

export class MessageReader implements ItemReader {
  readonly type = 'message'
  readonly id: string
  isDone = false
  readonly #around: ItemSurroundings
  readonly #content = new Map<number, ContentPart>()

  constructor(item: JsonObject, around: ItemSurroundings) {
    this.id = stringOf(item['id']) ?? ''
    this.#around = around
  }

  read(type: string, event: JsonObject): void {
    const index = indexOf(event['content_index'])
    switch (type) {
      case 'response.output_text.delta':
        return this.#grow(this.#open(index, 'text'), event['delta'], event['logprobs'])
      case 'response.output_text.done':
        return this.#settle(this.#open(index, 'text'), event['text'], event['logprobs'])
      case 'response.refusal.delta':
        return this.#grow(this.#open(index, 'refusal'), event['delta'])
      case 'response.refusal.done':
        return this.#settle(this.#open(index, 'refusal'), event['refusal'])
      case 'response.output_text.annotation.added':
      case 'response.output_text_annotation.added':
        return this.#cite(this.#open(index, 'text'), event['annotation'])
      case 'response.content_part.added':
        // Only its beginning: where words stand in it already, they come again.
        return this.#beginPart(index, event['part'])
      case 'response.content_part.done':
        return this.#readPart(index, event['part'])
      default:
    }
  }

  done(item: JsonObject): void {
    if (this.isDone) return
    const content = arrayOf(item['content'])
    const places = placesOf([...this.#content.keys()], content.length)
    for (const [index, part] of content.entries()) this.#readPart(places[index] ?? index, part)
    this.close()
  }

  close(): void {
    this.isDone = true
    for (const part of this.#content.values()) this.#close(part)
  }

  #beginPart(index: number, value: unknown): void {
    const type = isJsonObject(value) ? value['type'] : undefined
    if (type === 'refusal') this.#open(index, 'refusal')
    else if (type === 'output_text' || type === 'text') this.#open(index, 'text')
  }

  #readPart(index: number, value: unknown): void {
    if (!isJsonObject(value)) return
    if (value['type'] === 'refusal') return this.#settle(this.#open(index, 'refusal'), value['refusal'])
    if (value['type'] !== 'output_text' && value['type'] !== 'text') return
    const part = this.#open(index, 'text')
    this.#settle(part, value['text'], value['logprobs'])
    const citations = readAnnotations(value['annotations'])
    if (citations.length >= part.citations.length) part.citations = citations
  }

  /** A part that opens closes the one before it: only one grows at a time. */
  #open(index: number, kind: TextKind): ContentPart {
    const known = this.#content.get(index)
    if (known !== undefined) return known
    for (const before of this.#content.values()) this.#close(before)
    const opened: ContentPart = {
      part: this.#around.nextPart(),
      kind,
      said: new SaidText(),
      citations: [],
      hasLogprobs: false,
      isClosed: false,
    }
    this.#content.set(index, opened)
    this.#around.emit({ type: `${kind}-start`, candidate: 0, part: opened.part })
    return opened
  }

  #grow(part: ContentPart, delta: unknown, logprobs?: JsonValue): void {
    if (part.isClosed) return this.#around.contradicted()
    if (typeof delta === 'string' && delta !== '') {
      part.said.add(delta)
      this.#around.emit({ type: `${part.kind}-delta`, candidate: 0, part: part.part, text: delta })
    }
    this.#logprobs(part, logprobs)
  }

  /** What its end says in full: the words not yet said follow, and probabilities where none came before. */
  #settle(part: ContentPart, whole: unknown, logprobs?: JsonValue): void {
    if (typeof whole === 'string' && whole !== '') {
      const missing = part.said.missing(whole)
      if (missing === undefined || (missing !== '' && part.isClosed)) this.#around.contradicted()
      else if (missing !== '') this.#grow(part, missing)
    }
    if (!part.hasLogprobs) this.#logprobs(part, logprobs)
  }

  #logprobs(part: ContentPart, logprobs: JsonValue | undefined): void {
    if (!Array.isArray(logprobs) || logprobs.length === 0) return
    part.hasLogprobs = true
    this.#around.emit({ type: 'logprobs-delta', candidate: 0, content: logprobs })
  }

  #cite(part: ContentPart, annotation: unknown): void {
    if (isJsonObject(annotation)) part.citations = [...part.citations, readAnnotation(annotation)]
  }

  #close(part: ContentPart): void {
    if (part.isClosed) return
    part.isClosed = true
    const at = { candidate: 0, part: part.part }
    const { citations } = part
    if (part.kind === 'refusal') this.#around.emit({ type: 'refusal-end', ...at })
    else this.#around.emit({ type: 'text-end', ...at, ...(citations.length === 0 ? {} : { citations }) })
  }
}
