/** What can be said of a stream by looking at its responses as they pass: the quiet reading of passthrough and folder. */

import type { Finish } from '../../canonical/finish.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, numberOf, objectOf, stringOf } from '../../std/json.ts'
import type { StreamFacts } from '../dialect.ts'
import { CANDIDATES_MAX } from './answer-reader.ts'
import { fieldOf } from './fields.ts'
import { blockedFinish, isWord, readFinish } from './finish-words.ts'
import { noteQueries, readUsage } from './usage.ts'
import type { WireEvent, WireEvents } from './wire-events.ts'

interface WatchedCandidate {
  word: string | number | undefined
  callsTools: boolean
}

export interface WatchOptions {
  readonly wanted?: number | undefined
  onState?(signature: string): void
  onText?: ((text: string) => void) | undefined
}

export class StreamWatch implements StreamFacts {
  readonly #wire: WireEvents
  readonly #options: WatchOptions
  readonly #candidates = new Map<number, WatchedCandidate>()
  #hasContent = false
  #isInToolCall = false
  #blockWord: string | undefined
  #rawUsage: unknown
  #usage: Usage | undefined
  #queries: Set<string> | undefined
  #modelId: string | undefined
  #responseId: string | undefined
  #isEnded = false

  constructor(wire: WireEvents, options: WatchOptions = {}) {
    this.#wire = wire
    this.#options = options
  }

  note({ value }: WireEvent): void {
    const { candidates, modelVersion, promptFeedback, usageMetadata } = value
    this.#modelId ??= stringOf(modelVersion)
    this.#responseId ??= stringOf(value['responseId'])
    if (isJsonObject(usageMetadata)) {
      this.#rawUsage = usageMetadata
      this.#usage = undefined
    }
    const block = objectOf(promptFeedback)?.['blockReason']
    if (isWord(block)) this.#blockWord = String(block)
    if (Array.isArray(candidates)) this.#noteCandidates(candidates)
  }

  #noteCandidates(candidates: readonly unknown[]): void {
    for (let place = 0; place < candidates.length; place += 1) {
      const candidate = candidates[place]
      if (isJsonObject(candidate)) this.#noteCandidate(numberOf(candidate['index']) ?? place, candidate)
    }
  }

  /** The source ended: what has come is all there is. */
  end(): void {
    this.#isEnded = true
  }

  /** What the answer has said of itself. */
  get responseId(): string | undefined {
    return this.#responseId
  }

  /** Candidates that have begun and not finished, by their index. */
  get unfinished(): readonly number[] {
    return [...this.#candidates].flatMap(([index, { word }]) => (word === undefined ? [index] : []))
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

  /** Only a call whose arguments come in pieces has an inside. */
  get isInToolCall(): boolean {
    return this.#isInToolCall && !this.isComplete
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

  /** Read when it is asked for: each replaces the one before. */
  get usage(): Usage | undefined {
    this.#usage ??= readUsage(this.#rawUsage, this.#queries?.size)
    return this.#usage
  }

  get modelId(): string | undefined {
    return this.#modelId
  }

  #noteCandidate(index: number, candidate: JsonObject): void {
    const known = this.#candidateAt(index)
    const parts = objectOf(candidate['content'])?.['parts']
    if (Array.isArray(parts)) for (const part of parts) if (isJsonObject(part)) this.#notePart(part, known)
    const before = this.#queries?.size
    this.#queries = noteQueries(candidate, this.#queries)
    if (this.#queries?.size !== before) this.#usage = undefined
    const word = candidate['finishReason']
    if (isWord(word)) known.word = word
  }

  #candidateAt(index: number): WatchedCandidate {
    const known = this.#candidates.get(index)
    if (known !== undefined) return known
    const begun = { word: undefined, callsTools: false }
    if (this.#candidates.size < CANDIDATES_MAX) this.#candidates.set(index, begun)
    return begun
  }

  #notePart(part: JsonObject, candidate: WatchedCandidate): void {
    const signature = stringOf(part['thoughtSignature'])
    if (signature !== undefined) this.#options.onState?.(signature)
    const { functionCall: call } = part
    if (call !== undefined) {
      candidate.callsTools = true
      this.#isInToolCall = isJsonObject(call) && fieldOf(call, 'willContinue') === true
    }
    const { onText } = this.#options
    if (onText !== undefined && typeof part['text'] === 'string') onText(part['text'])
    if (onText !== undefined && isJsonObject(call)) onText(JSON.stringify(fieldOf(call, 'args') ?? ''))
    if (!this.#hasContent) this.#hasContent = part['text'] !== '' || signature !== undefined
  }
}
