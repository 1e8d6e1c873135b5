/** Reads a stream of this dialect as events. Every server's way of bending the dialect is taken; none is passed on. */

import type { InferenceEvent } from '../../canonical/event.ts'
import { isJsonObject, type JsonObject } from '../../std/json.ts'
import type { SseEvent } from '../../wire/sse.ts'
import type { ReadStreamOptions, StreamReader } from '../dialect.ts'
import { CandidateReader } from './candidate-reader.ts'
import { type ChunkSink, ChunkSource } from './chunk-source.ts'
import { readTopLevelCitations } from './citations.ts'
import { unknownAnswerFields } from './answer-fields.ts'
import { usageOfAnswer, withTier } from './read-usage.ts'
import { answerKeyOf } from './tool-slots.ts'

/** Candidates of one answer that are read; choices beyond are dropped and counted. */
export const CANDIDATES_MAX = 128

export class OpenaiChatStreamReader implements StreamReader, ChunkSink {
  readonly #source = new ChunkSource(this)
  readonly #candidates = new Map<number, CandidateReader>()
  #events: InferenceEvent[] = []
  #isStarted = false
  #isFlushed = false
  /** The last one told: it may stand in other chunks than the usage. */
  #serviceTier: string | undefined
  #ownAnomalies = 0
  #answerKey = ''
  readonly #asked: number

  constructor({ candidates = 1 }: ReadStreamOptions = {}) {
    this.#asked = candidates
  }

  read(chunk: Uint8Array): readonly InferenceEvent[] {
    this.#source.read(chunk)
    return this.#takeEvents()
  }

  end(): readonly InferenceEvent[] {
    this.#source.end()
    if (!this.#source.isFailed) this.#flush()
    return this.#takeEvents()
  }

  get isComplete(): boolean {
    const { size } = this.#candidates
    if (size === 0 || (size < this.#asked && !this.#source.isLastWordSaid)) return false
    for (const candidate of this.#candidates.values()) if (!candidate.isFinished) return false
    return true
  }

  get isTerminated(): boolean {
    return this.#source.isTerminated
  }

  get anomalies(): number {
    return this.#source.anomalies + this.#ownAnomalies
  }

  chunk(value: JsonObject): void {
    const { choices } = value
    if (!this.#isStarted) this.#start(value)
    if (Array.isArray(choices)) this.#readChoices(choices)
    if (this.#isStarted) this.#readSides(value)
  }

  plainAnswer(value: JsonObject, _event: SseEvent): void {
    this.chunk(value)
  }

  done(): void {
    this.#flush()
  }

  failed(error: Extract<InferenceEvent, { type: 'error' }>['error']): void {
    this.#events.push({ type: 'error', error })
  }

  /** Azure's first chunk has no id, no model and no choices: the answer starts with the first that has any. */
  #start(value: JsonObject): void {
    const { id, model, created, choices } = value
    const hasId = typeof id === 'string' && id !== ''
    if (!hasId && !(Array.isArray(choices) && choices.length > 0) && !isJsonObject(value['usage'])) return
    this.#isStarted = true
    this.#answerKey = answerKeyOf(value)
    const raw = unknownAnswerFields(value)
    this.#events.push({
      type: 'answer-start',
      ...(hasId ? { responseId: id } : {}),
      ...(typeof model === 'string' && model !== '' ? { modelId: model } : {}),
      ...(typeof created === 'number' && Number.isInteger(created) && created > 0
        ? { createdAtS: created }
        : {}),
      ...(raw === undefined ? {} : { raw }),
    })
  }

  #readChoices(choices: readonly unknown[]): void {
    for (let place = 0; place < choices.length; place += 1) {
      const choice = choices[place]
      if (!isJsonObject(choice)) continue
      const candidate = this.#candidate(choice['index'], place)
      if (candidate === undefined) this.#ownAnomalies += 1
      else candidate.read(choice)
    }
  }

  #candidate(index: unknown, place: number): CandidateReader | undefined {
    const number = typeof index === 'number' && Number.isInteger(index) && index >= 0 ? index : place
    const known = this.#candidates.get(number)
    if (known !== undefined) return known
    if (this.#candidates.size >= CANDIDATES_MAX) return undefined
    const opened = new CandidateReader(number, {
      emit: (event) => void this.#events.push(event),
      answerKey: () => this.#answerKey,
      anomaly: () => {
        this.#ownAnomalies += 1
      },
    })
    this.#candidates.set(number, opened)
    return opened
  }

  #readSides(value: JsonObject): void {
    const { service_tier: tier } = value
    if (typeof tier === 'string') this.#serviceTier = tier
    const usage = withTier(usageOfAnswer(value), { service_tier: this.#serviceTier ?? null })
    if (usage !== undefined) this.#events.push({ type: 'usage-update', usage })
    if (value['citations'] === undefined) return
    const citations = readTopLevelCitations(value)
    if (citations.length > 0) this.#candidates.get(0)?.replaceLinks(citations)
  }

  /**
   * Servers send content after a finish reason and repeat it beside the usage: a candidate is closed only when the
   * stream has said its last word. What never finished stays open: it broke off.
   */
  #flush(): void {
    if (this.#isFlushed) return
    this.#isFlushed = true
    for (const candidate of this.#candidates.values()) candidate.close()
  }

  #takeEvents(): readonly InferenceEvent[] {
    const events = this.#events
    if (events.length > 0) this.#events = []
    return events
  }
}
