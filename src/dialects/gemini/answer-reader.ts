/** Reads an answer from the responses it comes in: one for a plain answer, many for a stream. */

import type { InferenceEvent } from '../../canonical/event.ts'
import { arrayOf, isJsonObject, type JsonObject, numberOf, stringOf } from '../../std/json.ts'
import { CandidateReader } from './candidate-reader.ts'
import { fieldOf, objectAt } from './fields.ts'
import { blockedFinish } from './finish-words.ts'
import { readUsage } from './usage.ts'

/** Candidates of one answer that are read. */
const CANDIDATES_MAX = 128

export class AnswerReader {
  readonly #wanted: number
  readonly #candidates = new Map<number, CandidateReader>()
  #responseId: string | undefined
  #isStarted = false
  #blockWord: string | undefined
  #isEnded = false
  #anomalies = 0

  constructor(wanted = 1) {
    this.#wanted = wanted
  }

  get anomalies(): number {
    let sum = this.#anomalies
    for (const candidate of this.#candidates.values()) sum += candidate.anomalies
    return sum
  }

  /**
   * Every candidate begun has a reason to have stopped, and as many as were asked for; or the prompt was blocked. This
   * dialect has no last word: at the end of its stream what has come is all there is.
   */
  get isComplete(): boolean {
    if (this.#candidates.size === 0) return this.#blockWord !== undefined
    for (const candidate of this.#candidates.values()) if (!candidate.isFinished) return false
    return this.#isEnded || this.#candidates.size >= this.#wanted
  }

  read(response: JsonObject): readonly InferenceEvent[] {
    const events: InferenceEvent[] = []
    this.#start(response, events)
    for (const [place, candidate] of arrayOf(response['candidates']).entries()) {
      if (!isJsonObject(candidate)) continue
      const reader = this.#candidateAt(numberOf(candidate['index']) ?? place)
      if (reader !== undefined) events.push(...reader.read(candidate))
    }
    const block = fieldOf(objectAt(response, 'promptFeedback') ?? {}, 'blockReason')
    if (typeof block === 'string' || typeof block === 'number') this.#blockWord = String(block)
    const usage = readUsage(fieldOf(response, 'usageMetadata'))
    if (usage !== undefined) events.push({ type: 'usage-update', usage })
    return events
  }

  end(): readonly InferenceEvent[] {
    if (this.#isEnded) return []
    this.#isEnded = true
    if (this.#candidates.size > 0)
      return [...this.#candidates.values()].flatMap((candidate) => candidate.end())
    if (this.#blockWord === undefined) return []
    return [{ type: 'finish', candidate: 0, finish: blockedFinish(this.#blockWord) }]
  }

  #start(response: JsonObject, events: InferenceEvent[]): void {
    if (this.#isStarted) return
    this.#isStarted = true
    this.#responseId = stringOf(fieldOf(response, 'responseId'))
    const modelId = stringOf(fieldOf(response, 'modelVersion'))
    const createdAtMs = Date.parse(stringOf(fieldOf(response, 'createTime')) ?? '')
    events.push({
      type: 'answer-start',
      ...(this.#responseId === undefined ? {} : { responseId: this.#responseId }),
      ...(modelId === undefined ? {} : { modelId }),
      ...(Number.isNaN(createdAtMs) ? {} : { createdAtS: Math.floor(createdAtMs / 1_000) }),
    })
  }

  #candidateAt(index: number): CandidateReader | undefined {
    const known = this.#candidates.get(index)
    if (known !== undefined) return known
    if (!Number.isInteger(index) || index < 0 || this.#candidates.size >= CANDIDATES_MAX) {
      this.#anomalies += 1
      return undefined
    }
    const reader = new CandidateReader(index, this.#responseId ?? '')
    this.#candidates.set(index, reader)
    return reader
  }
}
