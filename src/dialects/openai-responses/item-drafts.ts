/** The items of an answer while they are written: what each event about them says, and what they are in the end. */

import type { JsonObject, JsonValue } from '../../std/json.ts'
import type { Voice } from './stream-voice.ts'

/** Where an item stands. */
export interface ItemPlace {
  readonly id: string
  readonly index: number
}

type Kind = 'text' | 'refusal'

/** Words of an open text, and its sources. */
export interface SaidText {
  readonly text: string
  readonly annotations: readonly JsonObject[]
}

const NO_LOGPROBS = ',"logprobs":[]'

/** One `output_text` or `refusal` as it grows. */
export class ContentDraft {
  readonly kind: Kind
  readonly #place: JsonObject
  /** The same, as the members of an event. */
  readonly #where: string
  readonly #pieces: string[] = []
  readonly #logprobs: JsonValue[] = []
  /** Sources that were said before the text's end. */
  readonly #cited: JsonObject[] = []
  isClosed = false

  constructor(kind: Kind, place: ItemPlace, contentIndex: number) {
    this.kind = kind
    this.#place = { item_id: place.id, output_index: place.index, content_index: contentIndex }
    this.#where = membersOf(this.#place)
  }

  /** What was said of it before, in a stream that goes on. */
  goOn({ text, annotations }: SaidText): void {
    if (text !== '') this.#pieces.push(text)
    this.#cited.push(...annotations)
  }

  open(voice: Voice): void {
    voice.say('response.content_part.added', { ...this.#place, part: this.#part('', []) })
  }

  grow(text: string, logprobs: readonly JsonValue[], voice: Voice): void {
    this.#pieces.push(text)
    this.#logprobs.push(...logprobs)
    if (this.kind === 'refusal') return voice.sayDelta('response.refusal.delta', this.#where, text)
    const tail = logprobs.length === 0 ? NO_LOGPROBS : `,"logprobs":${JSON.stringify(logprobs)}`
    voice.sayDelta('response.output_text.delta', this.#where, text, tail)
  }

  close(annotations: readonly JsonObject[], rest: readonly JsonValue[], voice: Voice): JsonObject {
    this.isClosed = true
    this.#logprobs.push(...rest)
    const text = this.#pieces.join('')
    for (const [index, annotation] of annotations.entries()) {
      voice.say('response.output_text.annotation.added', {
        ...this.#place,
        annotation_index: this.#cited.length + index,
        annotation,
      })
    }
    if (this.kind === 'refusal') voice.say('response.refusal.done', { ...this.#place, refusal: text })
    else voice.say('response.output_text.done', { ...this.#place, text, logprobs: this.#logprobs })
    return this.endPart(voice, annotations)
  }

  /** The end of a part whose text was said in full. */
  endPart(voice: Voice, annotations: readonly JsonObject[] = []): JsonObject {
    this.isClosed = true
    const part = this.#part(this.#pieces.join(''), [...this.#cited, ...annotations])
    voice.say('response.content_part.done', { ...this.#place, part })
    return part
  }

  #part(text: string, annotations: readonly JsonObject[]): JsonObject {
    if (this.kind === 'refusal') return { type: 'refusal', refusal: text }
    return { type: 'output_text', annotations, logprobs: this.#logprobs, text }
  }
}

/** A message of the model: texts and refusals that follow each other are its content. */
export class MessageDraft {
  readonly place: ItemPlace
  readonly #content = new Map<ContentDraft, JsonObject | undefined>()
  /** Something else was said since: nothing is added any more. */
  isSealed = false
  /** The item as it was announced, where that was done before. */
  readonly #announced: JsonObject

  constructor(place: ItemPlace, announced: JsonObject = {}) {
    this.place = place
    this.#announced = announced
  }

  /** A part that was whole before. */
  keep(kind: Kind, part: JsonObject): void {
    this.settle(this.#next(kind), part)
  }

  /** A text that was open before. */
  goOn(said: SaidText): ContentDraft {
    const draft = this.#next('text')
    draft.goOn(said)
    return draft
  }

  open(voice: Voice): void {
    const item = this.#item('in_progress', [])
    voice.say('response.output_item.added', { output_index: this.place.index, item })
  }

  add(kind: Kind, voice: Voice): ContentDraft {
    const draft = this.#next(kind)
    draft.open(voice)
    return draft
  }

  #next(kind: Kind): ContentDraft {
    const draft = new ContentDraft(kind, this.place, this.#content.size)
    this.#content.set(draft, undefined)
    return draft
  }

  settle(draft: ContentDraft, part: JsonObject): void {
    this.#content.set(draft, part)
  }

  get hasOpenContent(): boolean {
    for (const part of this.#content.values()) if (part === undefined) return true
    return false
  }

  get openContent(): readonly ContentDraft[] {
    return [...this.#content].filter(([, part]) => part === undefined).map(([draft]) => draft)
  }

  close(isCut: boolean, voice: Voice): JsonObject {
    const content = [...this.#content.values()].filter((part) => part !== undefined)
    const item = this.#item(isCut ? 'incomplete' : 'completed', content)
    voice.say('response.output_item.done', { output_index: this.place.index, item })
    return item
  }

  #item(status: string, content: readonly JsonObject[]): JsonObject {
    return { ...this.#announced, id: this.place.id, type: 'message', status, role: 'assistant', content }
  }
}

/** Reasoning: each piece is a part of the summary. */
export class ReasoningDraft {
  readonly place: ItemPlace
  /** The id the reasoning has at its maker: pieces that share it are one item. */
  readonly sourceId: string | undefined
  readonly #summary: JsonObject[] = []
  #pieces: string[] | undefined
  /** Where the piece stands, as the members of an event. */
  #members = ''
  encrypted: string | undefined

  constructor(place: ItemPlace, sourceId: string | undefined) {
    this.place = place
    this.sourceId = sourceId
  }

  open(voice: Voice): void {
    const item = { id: this.place.id, type: 'reasoning', summary: [] }
    voice.say('response.output_item.added', { output_index: this.place.index, item })
  }

  grow(text: string, voice: Voice): void {
    if (this.#pieces === undefined) {
      this.#pieces = []
      this.#members = membersOf(this.#where())
      voice.say('response.reasoning_summary_part.added', {
        ...this.#where(),
        part: { type: 'summary_text', text: '' },
      })
    }
    this.#pieces.push(text)
    voice.sayDelta('response.reasoning_summary_text.delta', this.#members, text)
  }

  endPiece(voice: Voice): void {
    if (this.#pieces === undefined) return
    const part = { type: 'summary_text', text: this.#pieces.join('') }
    voice.say('response.reasoning_summary_text.done', { ...this.#where(), text: part.text })
    voice.say('response.reasoning_summary_part.done', { ...this.#where(), part })
    this.#pieces = undefined
    this.#summary.push(part)
  }

  close(voice: Voice): JsonObject {
    this.endPiece(voice)
    const item = {
      id: this.place.id,
      type: 'reasoning',
      summary: this.#summary,
      ...(this.encrypted === undefined ? {} : { encrypted_content: this.encrypted }),
    }
    voice.say('response.output_item.done', { output_index: this.place.index, item })
    return item
  }

  #where(): JsonObject {
    const { id, index } = this.place
    return { item_id: id, output_index: index, summary_index: this.#summary.length }
  }
}

export interface CallIdentity {
  readonly callId: string
  readonly name: string
  readonly isCustom: boolean
}

/** A call of a tool that the client runs. */
export class CallDraft {
  readonly place: ItemPlace
  readonly call: CallIdentity
  readonly #pieces: string[] = []
  readonly #where: JsonObject
  readonly #members: string

  constructor(place: ItemPlace, call: CallIdentity) {
    this.place = place
    this.call = call
    this.#where = { item_id: place.id, output_index: place.index }
    this.#members = membersOf(this.#where)
  }

  open(voice: Voice): void {
    voice.say('response.output_item.added', {
      output_index: this.place.index,
      item: this.#item('in_progress', ''),
    })
  }

  grow(text: string, voice: Voice): void {
    this.#pieces.push(text)
    const type = this.call.isCustom
      ? 'response.custom_tool_call_input.delta'
      : 'response.function_call_arguments.delta'
    voice.sayDelta(type, this.#members, text)
  }

  /** Other dialects call without arguments; here their text must be JSON. */
  close(voice: Voice): JsonObject {
    if (this.#pieces.length === 0 && !this.call.isCustom) this.grow('{}', voice)
    const text = this.#pieces.join('')
    if (this.call.isCustom) voice.say('response.custom_tool_call_input.done', { ...this.#where, input: text })
    else {
      const { name } = this.call
      voice.say('response.function_call_arguments.done', { ...this.#where, name, arguments: text })
    }
    const item = this.#item('completed', text)
    voice.say('response.output_item.done', { output_index: this.place.index, item })
    return item
  }

  #item(status: string, text: string): JsonObject {
    const { callId, name, isCustom } = this.call
    const { id } = this.place
    return isCustom
      ? { id, type: 'custom_tool_call', status, call_id: callId, name, input: text }
      : { id, type: 'function_call', status, arguments: text, call_id: callId, name }
  }
}

/** The members of an object, without its braces: what all deltas of an item have in common is written once. */
function membersOf(object: JsonObject): string {
  return JSON.stringify(object).slice(1, -1)
}
