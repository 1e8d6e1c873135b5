/** Reads an answer from the responses it comes in: one for a plain answer, many for a stream. */

import type { InferenceEvent } from '../../canonical/event.ts'
import { isJsonObject, type JsonObject, numberOf, objectOf, stringOf } from '../../std/json.ts'
import { CandidateReader } from './candidate-reader.ts'
import { blockedFinish, isWord } from './finish-words.ts'
import { noteQueries, readUsage } from './usage.ts'

/** Candidates of one answer that are read. */
export const CANDIDATES_MAX = 128

export class AnswerReader {
  readonly #wanted: number
  readonly #candidates = new Map<number, CandidateReader>()
  #responseId: string | undefined
  #isStarted = false
  #blockWord: string | undefined
  #isEnded = false
  #anomalies = 0
  #queries: Set<string> | undefined
  #rawUsage: unknown

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

  /** Answers come in one spelling, other than requests: what is asked of every piece of one is asked quickly. */
  read(response: JsonObject, events: InferenceEvent[]): void {
    if (!this.#isStarted) this.#start(response, events)
    const { candidates, promptFeedback, usageMetadata } = response
    const before = this.#queries?.size
    if (Array.isArray(candidates)) this.#readCandidates(candidates, events)
    const block = objectOf(promptFeedback)?.['blockReason']
    if (isWord(block)) this.#blockWord = String(block)
    this.#readUsage(usageMetadata, before, events)
  }

  end(): readonly InferenceEvent[] {
    if (this.#isEnded) return []
    this.#isEnded = true
    if (this.#candidates.size > 0)
      return [...this.#candidates.values()].flatMap((candidate) => candidate.end())
    if (this.#blockWord === undefined) return []
    return [{ type: 'finish', candidate: 0, finish: blockedFinish(this.#blockWord) }]
  }

  #readCandidates(candidates: readonly unknown[], events: InferenceEvent[]): void {
    for (let place = 0; place < candidates.length; place += 1) {
      const candidate = candidates[place]
      if (!isJsonObject(candidate)) continue
      this.#queries = noteQueries(candidate, this.#queries)
      this.#candidateAt(numberOf(candidate['index']) ?? place)?.read(candidate, events)
    }
  }

  /** Searches may be told after the counts. */
  #readUsage(told: unknown, queriesBefore: number | undefined, events: InferenceEvent[]): void {
    const queries = this.#queries?.size
    const isTold = isJsonObject(told)
    if (!isTold && queries === queriesBefore) return
    if (isTold) this.#rawUsage = told
    const usage = readUsage(this.#rawUsage, queries)
    if (usage !== undefined) events.push({ type: 'usage-update', usage })
  }

  #start(response: JsonObject, events: InferenceEvent[]): void {
    this.#isStarted = true
    this.#responseId = stringOf(response['responseId'])
    const modelId = stringOf(response['modelVersion'])
    const createdAtMs = Date.parse(stringOf(response['createTime']) ?? '')
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
