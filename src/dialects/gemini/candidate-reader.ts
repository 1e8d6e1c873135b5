/** Reads one candidate, chunk by chunk, into events: its parts as they come, and what is said of them all at the end. */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { Finish } from '../../canonical/finish.ts'
import type { Citation } from '../../canonical/message.ts'
import { isJsonObject, type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import { CallReader, type Place } from './call-reader.ts'
import { CITATIONS_MAX, readCitations } from './citations.ts'
import { DIALECT } from './fields.ts'
import { isWord, readFinish } from './finish-words.ts'
import { readLogprobs } from './logprobs.ts'

/** Parts of one candidate that are read; a stream of more is no answer. */
export const PARTS_MAX = 100_000

type Kind = 'text' | 'reasoning'

export class CandidateReader {
  readonly #candidate: number
  readonly #calls: CallReader
  #open: { readonly kind: Kind; readonly part: number } | undefined
  #partCount = 0
  #citations: Citation[] = []
  #finishWord: string | number | undefined
  #dropped = 0

  constructor(candidate: number, callKey: string) {
    this.#candidate = candidate
    this.#calls = new CallReader(callKey, () => this.#nextPart())
  }

  /** Parts that were dropped because there were too many, or that made no sense. */
  get anomalies(): number {
    return this.#dropped + this.#calls.anomalies
  }

  get isFinished(): boolean {
    return this.#finishWord !== undefined
  }

  /** Of several reasons (one after each run of a tool at the provider) the last one counts. */
  get finish(): Finish | undefined {
    return this.#finishWord === undefined ? undefined : readFinish(this.#finishWord, this.#calls.count > 0)
  }

  read(candidate: JsonObject, events: InferenceEvent[]): void {
    const { content, finishReason, logprobsResult } = candidate
    this.#keepCitations(candidate)
    const parts = objectOf(content)?.['parts']
    if (Array.isArray(parts)) for (const part of parts) if (isJsonObject(part)) this.#readPart(part, events)
    const logprobs = logprobsResult === undefined ? [] : readLogprobs(logprobsResult)
    if (logprobs.length > 0)
      events.push({ type: 'logprobs-delta', candidate: this.#candidate, content: logprobs })
    if (isWord(finishReason)) this.#finishWord = finishReason
  }

  #keepCitations(candidate: JsonObject): void {
    if (candidate['groundingMetadata'] === undefined && candidate['citationMetadata'] === undefined) return
    for (const citation of readCitations(candidate))
      if (this.#citations.length < CITATIONS_MAX) this.#citations.push(citation)
  }

  /** Nothing more comes: what is open is closed, and the reason is told if there is one. */
  end(): readonly InferenceEvent[] {
    const events: InferenceEvent[] = []
    const { finish } = this
    if (finish === undefined) return events
    this.#close(events)
    events.push(...this.#calls.end())
    this.#tellLateCitations(events)
    events.push({ type: 'finish', candidate: this.#candidate, finish })
    return events
  }

  #readPart(part: JsonObject, events: InferenceEvent[]): void {
    if (this.#partCount >= PARTS_MAX) {
      this.#dropped += 1
      return
    }
    const { text, thoughtSignature, functionCall } = part
    const signature = stringOf(thoughtSignature)
    const call = objectOf(functionCall)
    if (call !== undefined) this.#readCall(call, signature, events)
    else if (typeof text === 'string')
      this.#readText(part['thought'] === true ? 'reasoning' : 'text', { text, signature }, events)
    else if (Object.keys(part).length > 0) {
      this.#close(events)
      events.push({ type: 'opaque', ...this.#nextPart(), dialect: DIALECT, value: part })
    }
  }

  /** A signature ends the part it stands on; one that stands alone proves the text before it. */
  #readText(
    kind: Kind,
    { text, signature }: { readonly text: string; readonly signature: string | undefined },
    events: InferenceEvent[],
  ): void {
    if (text === '' && signature === undefined) return
    if (this.#open?.kind !== kind) this.#begin(kind, events)
    const part = this.#open?.part ?? 0
    if (text !== '') events.push({ type: `${kind}-delta`, candidate: this.#candidate, part, text })
    if (signature !== undefined) this.#close(events, signature)
  }

  #readCall(call: JsonObject, signature: string | undefined, events: InferenceEvent[]): void {
    if (!this.#calls.continues(call)) this.#close(events)
    events.push(...this.#calls.read(call, signature === undefined ? {} : { signature }))
  }

  #begin(kind: Kind, events: InferenceEvent[]): void {
    this.#close(events)
    const at = this.#nextPart()
    this.#open = { kind, part: at.part }
    events.push({ type: `${kind}-start`, ...at })
  }

  #close(events: InferenceEvent[], signature?: string): void {
    const open = this.#open
    if (open === undefined) return
    this.#open = undefined
    const end = {
      candidate: this.#candidate,
      part: open.part,
      ...(signature === undefined ? {} : { signature }),
    }
    if (open.kind === 'reasoning') {
      events.push({ type: 'reasoning-end', ...end })
      return
    }
    const citations = this.#citations
    this.#citations = []
    events.push({ type: 'text-end', ...end, ...(citations.length === 0 ? {} : { citations }) })
  }

  /** Sources that came when their text had ended already stand on one without words. */
  #tellLateCitations(events: InferenceEvent[]): void {
    if (this.#citations.length === 0) return
    this.#begin('text', events)
    this.#close(events)
  }

  #nextPart(): Place {
    const part = this.#partCount
    this.#partCount += 1
    return { candidate: this.#candidate, part }
  }
}
