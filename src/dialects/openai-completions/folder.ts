/** Folds the chunks of a stream into the plain answer they stand for, fields unknown to us included. */

import type { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../std/json.ts'
import type { Folder, ReadStreamOptions, StreamFacts } from '../dialect.ts'
import { type ChunkSink, ChunkSource } from '../openai-chat/chunk-source.ts'
import { ChunkTally } from '../openai-chat/chunk-tally.ts'
import { asChatChunk } from './chat-form.ts'

/** Choices of one answer that are folded; choices beyond are dropped and counted. */
export const CHOICES_MAX = 4_096

/** Fields of chunks that are not fields of the answer. */
const chunkOnly: ReadonlySet<string> = new Set(['choices', 'object', 'obfuscation', 'p', 'error'])

export class CompletionsFolder implements Folder, ChunkSink {
  readonly #source = new ChunkSource(this)
  readonly #tally: ChunkTally
  readonly #fields = new Map<string, JsonValue>()
  readonly #choices = new Map<number, TextFold>()

  constructor({ candidates = 1 }: ReadStreamOptions = {}) {
    this.#tally = new ChunkTally(this.#source, candidates)
  }

  read(chunk: Uint8Array): void {
    this.#source.read(chunk)
  }

  end(): void {
    this.#source.end()
  }

  result(): Uint8Array {
    const { id, ...rest } = Object.fromEntries(this.#fields)
    const choices = [...this.#choices.values()]
      .sort((left, right) => left.index - right.index)
      .map((choice) => choice.value())
    return Buffer.from(JSON.stringify({ id: id ?? '', object: 'text_completion', ...rest, choices }))
  }

  get facts(): StreamFacts {
    return this.#tally
  }

  get isComplete(): boolean {
    return this.#tally.isComplete
  }

  chunk(value: JsonObject): void {
    this.#tally.add(asChatChunk(value))
    this.#foldFields(value)
    const { choices } = value
    if (!Array.isArray(choices)) return
    for (let place = 0; place < choices.length; place += 1) this.#foldChoice(choices[place], place)
  }

  plainAnswer(value: JsonObject): void {
    this.chunk(value)
  }

  done(): void {}

  failed(error: GatewayError): void {
    this.#tally.error = error
  }

  /** The last value of a field that is not null stands; the first id does, since some servers change it. */
  #foldFields(value: JsonObject): void {
    for (const key of Object.keys(value)) {
      const field = value[key]
      if (field === undefined || chunkOnly.has(key)) continue
      const isEmpty = field === null || field === ''
      if (this.#fields.has(key) && (isEmpty || key === 'id')) continue
      this.#fields.set(key, field)
    }
  }

  #foldChoice(choice: unknown, place: number): void {
    if (!isJsonObject(choice)) return
    const { index } = choice
    const number = typeof index === 'number' && Number.isInteger(index) && index >= 0 ? index : place
    const known = this.#choices.get(number)
    if (known !== undefined) return known.add(choice)
    if (this.#choices.size >= CHOICES_MAX) {
      this.#tally.ownAnomalies += 1
      return
    }
    const opened = new TextFold(number)
    this.#choices.set(number, opened)
    opened.add(choice)
  }
}

/** One choice as it grows. */
class TextFold {
  readonly index: number
  readonly #texts: string[] = []
  readonly #logprobs = new Map<string, JsonValue[]>()
  readonly #fields = new Map<string, JsonValue>()
  #finishReason: JsonValue = null

  constructor(index: number) {
    this.index = index
  }

  add(choice: JsonObject): void {
    for (const key of Object.keys(choice)) {
      const value = choice[key]
      if (value !== undefined) this.#addField(key, value)
    }
    // Servers that answer as a chat have no text beside the delta.
    if (choice['text'] === undefined) this.#addDelta(choice)
  }

  value(): JsonObject {
    return {
      text: this.#texts.join(''),
      index: this.index,
      ...Object.fromEntries(this.#fields),
      logprobs: this.#logprobs.size === 0 ? null : Object.fromEntries(this.#logprobs),
      finish_reason: this.#finishReason,
    }
  }

  #addField(key: string, value: JsonValue): void {
    switch (key) {
      case 'index':
      case 'delta':
      case 'message':
        return
      case 'text':
        if (typeof value === 'string') this.#texts.push(value)
        return
      case 'logprobs':
        return this.#addLogprobs(value)
      case 'finish_reason':
        if (typeof value === 'string' && value !== '' && this.#finishReason === null)
          this.#finishReason = value
        return
      default:
        if (value !== null || !this.#fields.has(key)) this.#fields.set(key, value)
    }
  }

  #addDelta({ delta, message }: JsonObject): void {
    const said = delta ?? message
    const content = isJsonObject(said) ? said['content'] : undefined
    if (typeof content === 'string') this.#texts.push(content)
  }

  #addLogprobs(value: JsonValue): void {
    if (!isJsonObject(value)) return
    for (const [key, list] of Object.entries(value)) {
      if (!Array.isArray(list)) continue
      const grown = this.#logprobs.get(key) ?? []
      // Members of parsed JSON are JSON; Array.isArray forgets it.
      for (const item of list as readonly JsonValue[]) grown.push(item)
      this.#logprobs.set(key, grown)
    }
  }
}
