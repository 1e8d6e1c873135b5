/** One item of an answer as it grows: what its deltas say, completed by what its ends repeat, said once. */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { Citation } from '../../canonical/message.ts'
import {
  arrayOf,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
  stringOf,
} from '../../std/json.ts'
import { readAnnotation, readAnnotations } from './citations.ts'
import { DIALECT } from './fields.ts'
import { argumentsText } from './read-item.ts'

/** What an item needs of the stream it stands in. */
export interface ItemSurroundings {
  emit(event: InferenceEvent): void
  nextPart(): number
  /** What an end repeats is not what was said before: words were lost, or changed. */
  contradicted(): void
}

export interface ItemReader {
  readonly type: string
  /** As it came; `''` where there is none. */
  readonly id: string
  readonly isDone: boolean
  /** An event about this item. */
  read(type: string, event: JsonObject): void
  /** The item as it is at its end. */
  done(item: JsonObject): void
  /** The stream ended without the item's end. */
  close(): void
}

export function openItem(item: JsonObject, around: ItemSurroundings): ItemReader {
  switch (item['type']) {
    case 'message':
      return new MessageReader(item, around)
    case 'reasoning':
      return new ReasoningReader(item, around)
    case 'function_call':
    case 'custom_tool_call':
      return new CallReader(item, around)
    default:
      return new OpaqueReader(item, around)
  }
}

/** What has been said so far of a text that its end repeats. */
class SaidText {
  #length = 0
  readonly #pieces: string[] = []

  get isEmpty(): boolean {
    return this.#length === 0
  }

  add(text: string): void {
    this.#length += text.length
    this.#pieces.push(text)
  }

  get text(): string {
    return this.#pieces.join('')
  }

  /** What of the whole has not been said; `undefined` where the whole does not begin with what was. */
  missing(whole: string): string | undefined {
    if (whole.length === this.#length && whole === this.text) return ''
    return whole.startsWith(this.text) ? whole.slice(this.#length) : undefined
  }
}

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

class MessageReader implements ItemReader {
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

  #readPart(index: number, value: unknown): void {
    if (!isJsonObject(value)) return
    if (value['type'] === 'refusal') {
      // An empty one begins a refusal whose words are still to come.
      return this.#settle(this.#open(index, 'refusal'), value['refusal'])
    }
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

/** A summary's part, or a text of the reasoning itself: each is one part of the answer, all under the item's id. */
interface Thought {
  readonly part: number
  readonly said: SaidText
}

class ReasoningReader implements ItemReader {
  readonly type = 'reasoning'
  readonly id: string
  isDone = false
  readonly #around: ItemSurroundings
  readonly #thoughts = new Map<string, Thought>()
  #open: Thought | undefined

  constructor(item: JsonObject, around: ItemSurroundings) {
    this.id = stringOf(item['id']) ?? ''
    this.#around = around
  }

  read(type: string, event: JsonObject): void {
    switch (type) {
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_summary.delta':
        return this.#grow(keyOf('summary', event['summary_index']), event['delta'])
      case 'response.reasoning_summary_text.done':
      case 'response.reasoning_summary.done':
        return this.#settle(keyOf('summary', event['summary_index']), event['text'])
      case 'response.reasoning_summary_part.done':
        return this.#settle(keyOf('summary', event['summary_index']), textOf(event['part']))
      case 'response.reasoning_text.delta':
        return this.#grow(keyOf('content', event['content_index']), event['delta'])
      case 'response.reasoning_text.done':
        return this.#settle(keyOf('content', event['content_index']), event['text'])
      case 'response.content_part.done':
      case 'response.reasoning_part.done':
        return this.#settle(keyOf('content', event['content_index']), textOf(event['part']))
      default:
    }
  }

  done(item: JsonObject): void {
    if (this.isDone) return
    for (const kind of ['summary', 'content'] as const) {
      const entries = arrayOf(item[kind])
      const places = placesOf(this.#indexesOf(kind), entries.length)
      for (const [index, entry] of entries.entries())
        this.#settle(keyOf(kind, places[index] ?? index), textOf(entry))
    }
    const encrypted = stringOf(item['encrypted_content'])
    if (encrypted && this.#open === undefined) this.#open = this.#start('encrypted')
    this.#closeOpen(encrypted || undefined)
    this.isDone = true
  }

  close(): void {
    this.isDone = true
    this.#closeOpen(undefined)
  }

  #indexesOf(kind: 'summary' | 'content'): readonly number[] {
    const keys = [...this.#thoughts.keys()].filter((key) => key.startsWith(kind))
    return keys.map((key) => Number(key.slice(kind.length + 1)))
  }

  #thought(key: string): Thought {
    const known = this.#thoughts.get(key)
    if (known !== undefined) return known
    this.#closeOpen(undefined)
    this.#open = this.#start(key)
    return this.#open
  }

  #start(key: string): Thought {
    const thought: Thought = { part: this.#around.nextPart(), said: new SaidText() }
    this.#thoughts.set(key, thought)
    const named = this.id === '' ? {} : { id: this.id }
    this.#around.emit({ type: 'reasoning-start', candidate: 0, part: thought.part, ...named })
    return thought
  }

  #closeOpen(encrypted: string | undefined): void {
    if (this.#open === undefined) return
    const { part } = this.#open
    this.#open = undefined
    const proof = encrypted === undefined ? {} : { encrypted }
    this.#around.emit({ type: 'reasoning-end', candidate: 0, part, ...proof })
  }

  #grow(key: string, delta: unknown): void {
    if (typeof delta !== 'string' || delta === '') return
    const thought = this.#thought(key)
    if (thought !== this.#open) return this.#around.contradicted()
    thought.said.add(delta)
    this.#around.emit({ type: 'reasoning-delta', candidate: 0, part: thought.part, text: delta })
  }

  #settle(key: string, whole: unknown): void {
    if (typeof whole !== 'string' || whole === '') return
    const missing = this.#thought(key).said.missing(whole)
    if (missing === undefined) this.#around.contradicted()
    else this.#grow(key, missing)
  }
}

/** Where the entries of an end stand: some servers number from 1 in their deltas. As many as grew are those that grew. */
function placesOf(grown: readonly number[], count: number): readonly number[] {
  return grown.length === count ? grown.toSorted((one, other) => one - other) : []
}

function keyOf(kind: 'summary' | 'content', index: unknown): string {
  return `${kind}/${indexOf(index)}`
}

function textOf(entry: unknown): unknown {
  return isJsonObject(entry) ? entry['text'] : undefined
}

/** A call of a tool that the client runs. */
class CallReader implements ItemReader {
  readonly type: string
  readonly id: string
  isDone = false
  readonly #around: ItemSurroundings
  readonly #part: number
  readonly #isCustom: boolean
  readonly #said = new SaidText()

  constructor(item: JsonObject, around: ItemSurroundings) {
    this.id = stringOf(item['id']) ?? ''
    this.#isCustom = item['type'] === 'custom_tool_call'
    this.type = this.#isCustom ? 'custom_tool_call' : 'function_call'
    this.#around = around
    this.#part = around.nextPart()
    around.emit({
      type: 'tool-call-start',
      candidate: 0,
      part: this.#part,
      id: stringOf(item['call_id']) || this.id || `call_${this.#part}`,
      name: stringOf(item['name']) ?? '',
      ...(this.#isCustom ? { kind: 'custom' as const } : {}),
    })
  }

  read(type: string, event: JsonObject): void {
    switch (type) {
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta':
        return this.#grow(event['delta'])
      case 'response.function_call_arguments.done':
        return this.#settle(argumentsText(event['arguments']))
      case 'response.custom_tool_call_input.done':
        return this.#settle(argumentsText(event['input']))
      default:
    }
  }

  done(item: JsonObject): void {
    if (this.isDone) return
    this.#settle(argumentsText(this.#isCustom ? item['input'] : item['arguments']))
    this.close()
  }

  close(): void {
    if (this.isDone) return
    this.isDone = true
    const { text } = this.#said
    const isMalformed = !this.#isCustom && text !== '' && parseJson(text) === undefined
    const mark = isMalformed ? { isMalformed } : {}
    this.#around.emit({ type: 'tool-call-end', candidate: 0, part: this.#part, ...mark })
  }

  #grow(delta: unknown): void {
    if (typeof delta !== 'string' || delta === '') return
    this.#said.add(delta)
    this.#around.emit({ type: 'tool-call-delta', candidate: 0, part: this.#part, argumentsDelta: delta })
  }

  #settle(whole: string): void {
    if (whole === '') return
    const missing = this.#said.missing(whole)
    if (missing !== undefined) return this.#grow(missing)
    // `{}` repeated for none, or the same JSON spelled otherwise, is no contradiction.
    if (!isSameJson(this.#said.text, whole)) this.#around.contradicted()
  }
}

function isSameJson(one: string, other: string): boolean {
  const [left, right] = [parseJson(one), parseJson(other)]
  return left !== undefined && JSON.stringify(left) === JSON.stringify(right)
}

/** What only this dialect can say: whole at its end. */
class OpaqueReader implements ItemReader {
  readonly type: string
  readonly id: string
  isDone = false
  readonly #around: ItemSurroundings
  readonly #part: number
  readonly #item: JsonObject

  constructor(item: JsonObject, around: ItemSurroundings) {
    this.type = stringOf(item['type']) ?? ''
    this.id = stringOf(item['id']) ?? ''
    this.#around = around
    this.#part = around.nextPart()
    this.#item = item
  }

  read(): void {}

  done(item: JsonObject): void {
    if (this.isDone) return
    this.isDone = true
    this.#around.emit({ type: 'opaque', candidate: 0, part: this.#part, dialect: DIALECT, value: item })
  }

  close(): void {
    this.done(this.#item)
  }
}

function indexOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
