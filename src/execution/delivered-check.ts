/**
 * Holds an answer against what was delivered, as it comes: words character by character, wherever their parts and
 * deltas are cut; a tool call by its name and arguments, once it is whole.
 */

import { isDeepStrictEqual } from 'node:util'
import type { InferenceEvent } from '../canonical/event.ts'
import type { DeliveredPart } from '../dialects/dialect.ts'
import { parseJson } from '../std/json.ts'

type CandidateEvent = Extract<InferenceEvent, { readonly candidate: number }>
type ProseKind = 'text' | 'reasoning'

type Expected =
  | { readonly type: ProseKind; readonly text: string }
  | { readonly type: 'tool-call'; readonly name: string; readonly arguments: string }
  | { readonly type: 'other' }

interface ArrivingCall {
  readonly name: string
  readonly events: CandidateEvent[]
  readonly pieces: string[]
  isEnded: boolean
}

export interface CheckStep {
  readonly verdict: 'same' | 'diverged'
  /** The part whose words were the last of what was delivered. */
  readonly joined?: { readonly part: number; readonly kind: ProseKind }
  /** What comes after everything delivered. */
  readonly rest: readonly CandidateEvent[]
}

const SAME: CheckStep = { verdict: 'same', rest: [] }
const DIVERGED: CheckStep = { verdict: 'diverged', rest: [] }

export class DeliveredCheck {
  readonly #expected: readonly Expected[]
  #at = 0
  /** Characters of the expected words that have come. */
  #chars = 0
  /** Calls that are not whole yet, or follow one that is not, by part. */
  readonly #calls = new Map<number, ArrivingCall>()

  constructor(parts: readonly DeliveredPart[]) {
    this.#expected = mergedParts(parts)
  }

  /** Everything has come again. */
  get isDone(): boolean {
    return this.#at >= this.#expected.length
  }

  /** To be asked until `isDone`; after `diverged` no more. */
  take(event: CandidateEvent): CheckStep {
    switch (event.type) {
      case 'text-delta':
        return this.#prose(event, 'text', event.text)
      case 'reasoning-delta':
        return this.#prose(event, 'reasoning', event.text)
      case 'refusal-delta':
        return event.text === '' ? SAME : DIVERGED
      case 'opaque':
        return DIVERGED
      case 'tool-call-start':
        this.#calls.set(event.part, { name: event.name, events: [event], pieces: [], isEnded: false })
        return SAME
      case 'tool-call-delta':
        return this.#growCall(event)
      case 'tool-call-end':
        return this.#endCall(event)
      case 'finish':
        return this.#settleThen(event)
      default:
        return SAME
    }
  }

  /** Words after calls: the calls are whole. */
  #prose(event: CandidateEvent & { readonly part: number }, kind: ProseKind, text: string): CheckStep {
    if (text === '') return SAME
    if (this.#calls.size > 0) return this.#settleThen(event)
    const expected = this.#expected[this.#at]
    if (expected?.type !== kind) return DIVERGED
    const chars = Math.min(text.length, expected.text.length - this.#chars)
    if (!expected.text.startsWith(text.slice(0, chars), this.#chars)) return DIVERGED
    this.#chars += chars
    if (this.#chars === expected.text.length) this.#advance()
    const over = text.slice(chars)
    if (!this.isDone) return over === '' ? SAME : DIVERGED
    const joined = { part: event.part, kind }
    return { verdict: 'same', joined, rest: over === '' ? [] : [{ ...event, text: over } as CandidateEvent] }
  }

  #growCall(event: Extract<CandidateEvent, { type: 'tool-call-delta' }>): CheckStep {
    const call = this.#calls.get(event.part)
    // More of a call that was taken to be whole.
    if (call === undefined) return event.argumentsDelta === '' ? SAME : DIVERGED
    call.pieces.push(event.argumentsDelta)
    call.events.push(event)
    return SAME
  }

  #endCall(event: Extract<CandidateEvent, { type: 'tool-call-end' }>): CheckStep {
    const call = this.#calls.get(event.part)
    if (call === undefined) return SAME
    call.isEnded = true
    call.events.push(event)
    return this.#settle('ended')
  }

  /** Nothing that is open is waited for any more; then the event itself has its turn. */
  #settleThen(event: CandidateEvent): CheckStep {
    const settled = this.#settle('all')
    if (settled.verdict === 'diverged') return settled
    if (this.isDone) return { verdict: 'same', rest: [...settled.rest, event] }
    return event.type === 'finish' ? DIVERGED : this.take(event)
  }

  /** Judges calls in the order they began; those beyond what was delivered come out. */
  #settle(which: 'ended' | 'all'): CheckStep {
    const rest: CandidateEvent[] = []
    for (const [part, call] of this.#calls) {
      if (which === 'ended' && !call.isEnded && !this.isDone) break
      this.#calls.delete(part)
      if (this.isDone) rest.push(...call.events)
      else if (isSameCall(call, this.#expected[this.#at])) this.#advance()
      else return DIVERGED
    }
    return { verdict: 'same', rest }
  }

  #advance(): void {
    this.#at += 1
    this.#chars = 0
  }
}

/** Neighbours of one kind are one run of words: where providers cut them is their own affair. */
function mergedParts(parts: readonly DeliveredPart[]): readonly Expected[] {
  const merged: Expected[] = []
  for (const part of parts) {
    const last = merged.at(-1)
    if (part.type === 'tool-call') merged.push(part)
    else if (part.type !== 'text' && part.type !== 'reasoning') merged.push({ type: 'other' })
    else if (part.text === '') continue
    else if (last?.type === part.type)
      merged[merged.length - 1] = { type: part.type, text: last.text + part.text }
    else merged.push({ type: part.type, text: part.text })
  }
  return merged
}

function isSameCall({ name, pieces }: ArrivingCall, expected: Expected | undefined): boolean {
  if (expected?.type !== 'tool-call' || expected.name !== name) return false
  const text = pieces.join('')
  return text === expected.arguments || isSameJson(text || '{}', expected.arguments || '{}')
}

/** The same arguments, however they are spelled. */
function isSameJson(one: string, other: string): boolean {
  const [left, right] = [parseJson(one), parseJson(other)]
  return left !== undefined && isDeepStrictEqual(left, right)
}
