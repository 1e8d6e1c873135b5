/**
 * Builds the events of one answer from what a dialect says piece by piece, in the order every writer relies on: a part
 * is opened before it grows, and all are closed before the finish. For the dialects that only providers speak; a plain
 * answer goes through here as well, so that it cannot differ from its stream.
 */

import type { InferenceEvent } from '../canonical/event.ts'
import type { Finish } from '../canonical/finish.ts'
import { createFold } from '../canonical/fold.ts'
import type { Citation } from '../canonical/message.ts'
import type { InferenceResult } from '../canonical/result.ts'
import { emptyAnswer } from '../canonical/unused-answer.ts'
import type { Usage } from '../canonical/usage.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import { type JsonObject, type JsonValue, parseJson } from '../std/json.ts'

/** Tool calls of one answer that are kept; further ones are dropped and counted. */
export const TOOL_CALLS_MAX = 512
/** Citations of one answer that are kept. */
export const CITATIONS_MAX = 1_000

type ProseKind = 'text' | 'reasoning'

/** At most one part of prose is open. `block` is the dialect's own number of it: another number is another part. */
interface OpenProse {
  readonly kind: ProseKind
  readonly block: number
  readonly part: number
}

interface OpenCall {
  readonly part: number
  readonly pieces: string[]
}

export interface CallToOpen {
  /** The dialect's own number of the call, by which it grows. */
  readonly key: number
  readonly id: string
  readonly name: string
}

/** Every dialect built here gives one candidate. */
const CANDIDATE = 0

export class AnswerParts {
  #events: InferenceEvent[] = []
  #partCount = 0
  #prose: OpenProse | undefined
  readonly #calls = new Map<number, OpenCall>()
  #callCount = 0
  #citations: Citation[] = []
  #citationCount = 0
  #isStarted = false
  /** What was dropped because there was too much of it, or made no sense. */
  anomalies = 0

  /** How many tool calls were made so far. */
  get callCount(): number {
    return this.#callCount
  }

  get isStarted(): boolean {
    return this.#isStarted
  }

  /** Something was said, thought or called. */
  get hasParts(): boolean {
    return this.#partCount > 0
  }

  /** The first start counts. */
  start(facts: Omit<Extract<InferenceEvent, { type: 'answer-start' }>, 'type'>): void {
    if (this.#isStarted) return
    this.#isStarted = true
    this.#events.push({ type: 'answer-start', ...facts })
  }

  text(text: string, block = 0): void {
    if (text === '') return
    this.#events.push({ type: 'text-delta', text, ...this.#openProse('text', block) })
  }

  reasoning(text: string, block = 0): void {
    if (text === '') return
    this.#events.push({ type: 'reasoning-delta', text, ...this.#openProse('reasoning', block) })
  }

  /** Belongs to the text that is open, or to the next one. */
  cite(citation: Citation): void {
    if (this.#citationCount >= CITATIONS_MAX) {
      this.anomalies += 1
      return
    }
    this.#citationCount += 1
    this.#citations.push(citation)
  }

  openCall({ key, id, name }: CallToOpen): void {
    if (name === '' || this.#callCount >= TOOL_CALLS_MAX) {
      this.anomalies += 1
      return
    }
    this.#closeProse()
    this.closeCall(key)
    this.#callCount += 1
    const part = this.#nextPart()
    this.#calls.set(key, { part, pieces: [] })
    this.#events.push({ type: 'tool-call-start', candidate: CANDIDATE, part, id, name })
  }

  growCall(key: number, argumentsDelta: string): void {
    const call = this.#calls.get(key)
    if (call === undefined) {
      this.anomalies += 1
      return
    }
    if (argumentsDelta === '') return
    call.pieces.push(argumentsDelta)
    this.#events.push({ type: 'tool-call-delta', candidate: CANDIDATE, part: call.part, argumentsDelta })
  }

  closeCall(key: number): void {
    const call = this.#calls.get(key)
    if (call === undefined) return
    this.#calls.delete(key)
    const text = call.pieces.join('')
    const flaw = text !== '' && parseJson(text) === undefined ? { isMalformed: true } : {}
    this.#events.push({ type: 'tool-call-end', candidate: CANDIDATE, part: call.part, ...flaw })
  }

  /** A part that only its own dialect can say. */
  opaque(dialect: string, value: JsonObject): void {
    this.#closeProse()
    this.#events.push({ type: 'opaque', candidate: CANDIDATE, part: this.#nextPart(), dialect, value })
  }

  logprobs(content: readonly JsonValue[]): void {
    if (content.length > 0) this.#events.push({ type: 'logprobs-delta', candidate: CANDIDATE, content })
  }

  usage(usage: Usage | undefined): void {
    if (usage !== undefined) this.#events.push({ type: 'usage-update', usage })
  }

  finish(finish: Finish): void {
    this.#closeProse()
    for (const key of this.#calls.keys()) this.closeCall(key)
    this.anomalies += this.#citations.length
    this.#events.push({ type: 'finish', candidate: CANDIDATE, finish })
  }

  fail(error: GatewayError): void {
    this.#events.push({ type: 'error', error })
  }

  /** The events since the last time. */
  take(): readonly InferenceEvent[] {
    const events = this.#events
    if (events.length > 0) this.#events = []
    return events
  }

  #openProse(kind: ProseKind, block: number): { candidate: number; part: number } {
    const open = this.#prose
    if (open?.kind === kind && open.block === block) return { candidate: CANDIDATE, part: open.part }
    this.#closeProse()
    const at = { candidate: CANDIDATE, part: this.#nextPart() }
    this.#prose = { kind, block, part: at.part }
    this.#events.push(kind === 'text' ? { type: 'text-start', ...at } : { type: 'reasoning-start', ...at })
    return at
  }

  #closeProse(): void {
    const open = this.#prose
    if (open === undefined) return
    this.#prose = undefined
    const at = { candidate: CANDIDATE, part: open.part }
    if (open.kind === 'reasoning') {
      this.#events.push({ type: 'reasoning-end', ...at })
      return
    }
    const citations = this.#citations
    this.#citations = []
    this.#events.push({ type: 'text-end', ...at, ...(citations.length === 0 ? {} : { citations }) })
  }

  #nextPart(): number {
    const part = this.#partCount
    this.#partCount += 1
    return part
  }
}

/** The whole answer that these events are; throws the error among them, and `empty_response` where nothing was said. */
export function resultOfEvents(events: readonly InferenceEvent[]): InferenceResult {
  const fold = createFold()
  for (const event of events) {
    if (event.type === 'error') throw event.error
    fold.add(event)
  }
  const result = fold.result()
  if (result.candidates.some(({ parts, finish }) => parts.length > 0 || mayBeEmpty(finish))) return result
  throw emptyAnswer('The provider answered with no content and no tool call.', result.usage)
}

/** An answer cut at its limit or by a filter may be empty and is an answer all the same. */
function mayBeEmpty(finish: Finish | undefined): boolean {
  const reason = finish?.reason
  return reason === 'length' || reason === 'content-filter' || reason === 'context-window'
}
