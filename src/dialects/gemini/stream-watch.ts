/** What can be said of a stream by looking at its responses as they pass: the quiet reading of passthrough and folder. */

import type { Finish } from '../../canonical/finish.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { GatewayError } from '../../errors/gateway-error.ts'
import { arrayOf, isJsonObject, type JsonObject, numberOf, stringOf } from '../../std/json.ts'
import type { StreamFacts } from '../dialect.ts'
import { fieldOf, objectAt } from './fields.ts'
import { blockedFinish, readFinish } from './finish-words.ts'
import { readUsage } from './usage.ts'
import type { WireEvent, WireEvents } from './wire-events.ts'

interface WatchedCandidate {
  word: string | number | undefined
  callsTools: boolean
}

export interface WatchOptions {
  readonly wanted?: number | undefined
  onState?(signature: string): void
}

export class StreamWatch implements StreamFacts {
  readonly #wire: WireEvents
  readonly #options: WatchOptions
  readonly #candidates = new Map<number, WatchedCandidate>()
  #hasContent = false
  #blockWord: string | undefined
  #usage: unknown
  #modelId: string | undefined
  #isEnded = false

  constructor(wire: WireEvents, options: WatchOptions = {}) {
    this.#wire = wire
    this.#options = options
  }

  note({ value }: WireEvent): void {
    this.#modelId ??= stringOf(fieldOf(value, 'modelVersion'))
    const usage = fieldOf(value, 'usageMetadata')
    if (usage !== undefined) this.#usage = usage
    const block = fieldOf(objectAt(value, 'promptFeedback') ?? {}, 'blockReason')
    if (typeof block === 'string' || typeof block === 'number') this.#blockWord = String(block)
    for (const [place, candidate] of arrayOf(value['candidates']).entries())
      if (isJsonObject(candidate)) this.#noteCandidate(numberOf(candidate['index']) ?? place, candidate)
  }

  /** The source ended: what has come is all there is. */
  end(): void {
    this.#isEnded = true
  }

  get hasContent(): boolean {
    return this.#hasContent
  }

  get isComplete(): boolean {
    if (this.error !== undefined) return false
    if (this.#candidates.size === 0) return this.#blockWord !== undefined
    for (const { word } of this.#candidates.values()) if (word === undefined) return false
    return this.#isEnded || this.#candidates.size >= (this.#options.wanted ?? 1)
  }

  get isTerminated(): boolean {
    return false
  }

  get anomalies(): number {
    return this.#wire.anomalies
  }

  get error(): GatewayError | undefined {
    return this.#wire.error
  }

  get finish(): Finish | undefined {
    const candidate = this.#candidates.get(0) ?? this.#candidates.values().next().value
    if (candidate?.word !== undefined) return readFinish(candidate.word, candidate.callsTools)
    return candidate === undefined && this.#blockWord !== undefined
      ? blockedFinish(this.#blockWord)
      : undefined
  }

  get usage(): Usage | undefined {
    return readUsage(this.#usage)
  }

  get modelId(): string | undefined {
    return this.#modelId
  }

  #noteCandidate(index: number, candidate: JsonObject): void {
    const known = this.#candidates.get(index) ?? { word: undefined, callsTools: false }
    this.#candidates.set(index, known)
    for (const part of arrayOf(objectAt(candidate, 'content')?.['parts']))
      if (isJsonObject(part)) this.#notePart(part, known)
    const word = fieldOf(candidate, 'finishReason')
    if ((typeof word === 'string' && word !== '') || typeof word === 'number') known.word = word
  }

  #notePart(part: JsonObject, candidate: WatchedCandidate): void {
    const signature = stringOf(fieldOf(part, 'thoughtSignature'))
    if (signature !== undefined) this.#options.onState?.(signature)
    if (fieldOf(part, 'functionCall') !== undefined) candidate.callsTools = true
    if (!this.#hasContent) this.#hasContent = part['text'] !== '' || signature !== undefined
  }
}
