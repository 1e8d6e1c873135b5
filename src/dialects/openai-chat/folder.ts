/** Folds the chunks of a stream into the plain answer they stand for, fields unknown to us included. */

import type { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../std/json.ts'
import type { Folder, ReadStreamOptions, StreamFacts } from '../dialect.ts'
import { ChoiceFold } from './choice-fold.ts'
import { type ChunkSink, ChunkSource } from './chunk-source.ts'
import { ChunkTally } from './chunk-tally.ts'
import { CANDIDATES_MAX } from './stream-reader.ts'
import { answerKeyOf } from './tool-slots.ts'

/** Fields of chunks that are not fields of the answer. */
const chunkOnly: ReadonlySet<string> = new Set(['choices', 'object', 'obfuscation', 'p', 'error'])

export class OpenaiChatFolder implements Folder, ChunkSink {
  readonly #source = new ChunkSource(this)
  readonly #tally: ChunkTally
  readonly #fields = new Map<string, JsonValue>()
  readonly #choices = new Map<number, ChoiceFold>()

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
    const fields = Object.fromEntries(this.#fields)
    const { id, object: _object, ...rest } = fields
    const answerKey = answerKeyOf(fields)
    const choices = [...this.#choices.entries()]
      .sort(([left], [right]) => left - right)
      .map(([, choice]) => choice.value(answerKey))
    const usage = rest['usage'] ?? groqUsage(rest)
    return Buffer.from(
      JSON.stringify({
        id: id ?? '',
        object: 'chat.completion',
        ...rest,
        choices,
        ...(usage === undefined ? {} : { usage }),
      }),
    )
  }

  get facts(): StreamFacts {
    return this.#tally
  }

  get isComplete(): boolean {
    return this.#tally.isComplete
  }

  chunk(value: JsonObject): void {
    this.#tally.add(value)
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
      if (this.#fields.has(key) && (isEmpty || (key === 'id' && this.#fields.get('id') !== ''))) continue
      this.#fields.set(key, field)
    }
  }

  #foldChoice(choice: unknown, place: number): void {
    if (!isJsonObject(choice)) return
    const { index } = choice
    const number = typeof index === 'number' && Number.isInteger(index) && index >= 0 ? index : place
    const fold = this.#choices.get(number)
    if (fold !== undefined) return fold.add(choice)
    if (this.#choices.size >= CANDIDATES_MAX) {
      this.#tally.ownAnomalies += 1
      return
    }
    const opened = new ChoiceFold(number)
    this.#choices.set(number, opened)
    opened.add(choice)
  }
}

function groqUsage(fields: JsonObject): JsonValue | undefined {
  const groq = fields['x_groq']
  return isJsonObject(groq) && isJsonObject(groq['usage']) ? groq['usage'] : undefined
}
