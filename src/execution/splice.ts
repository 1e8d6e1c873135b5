/**
 * Lets another attempt's answer go on with a stream that broke off. Its events come out as those of the first answer:
 * numbered on from it, the open part joined, nothing said twice. In `verify` and `echo` what was delivered is swallowed
 * as long as it comes again exactly; the first difference ends it, and nothing of the rest comes out.
 */

import type { InferenceEvent } from '../canonical/event.ts'
import type { Delivered } from '../dialects/dialect.ts'
import { DeliveredCheck } from './delivered-check.ts'

/**
 * `append`: the answer is only what follows. `echo`: it repeats the text and goes on. `verify`: it is a whole new answer,
 * and everything delivered has to come again.
 */
export type SpliceMode = 'append' | 'verify' | 'echo'

export interface Splice {
  add(events: readonly InferenceEvent[]): readonly InferenceEvent[]
  /** What came is not what was delivered. */
  readonly hasDiverged: boolean
  /** Everything that was delivered has come again; from here on the answer goes on. */
  readonly isCaughtUp: boolean
}

/** `delivered`: of a stream that is rescuable, its parts numbered in order of appearance. */
export function createSplice(delivered: Delivered, mode: SpliceMode): Splice {
  return new EventSplice(delivered, mode)
}

type PartEvent = Extract<InferenceEvent, { readonly part: number }>
type ProseKind = 'text' | 'reasoning'

class EventSplice implements Splice {
  readonly #check: DeliveredCheck
  readonly #mode: SpliceMode
  /** The numbers in the first answer of parts of this one. */
  readonly #numbers = new Map<number, number>()
  /** Reasoning before the first words of a continuation: it belongs to no place of the first answer. */
  readonly #skipped = new Set<number>()
  readonly #callIds: Set<string>
  #open: { readonly kind: ProseKind; readonly part: number } | undefined
  #nextPart: number
  #hasSpoken = false
  #candidate: number | undefined
  #hasDiverged = false
  #out: InferenceEvent[] = []

  constructor(delivered: Delivered, mode: SpliceMode) {
    const { parts } = delivered
    this.#mode = mode
    this.#check = new DeliveredCheck(expectedOf(delivered, mode))
    this.#nextPart = parts.length
    this.#callIds = new Set(parts.flatMap((part) => (part.type === 'tool-call' ? [part.id] : [])))
    const last = parts.at(-1)
    if (last?.isOpen && (last.type === 'text' || last.type === 'reasoning'))
      this.#open = { kind: last.type, part: parts.length - 1 }
  }

  get hasDiverged(): boolean {
    return this.#hasDiverged
  }

  get isCaughtUp(): boolean {
    return this.#check.isDone
  }

  add(events: readonly InferenceEvent[]): readonly InferenceEvent[] {
    for (const event of events) {
      if (this.#hasDiverged) break
      this.#take(event)
    }
    const out = this.#out
    this.#out = []
    return this.#hasDiverged ? [] : out
  }

  #take(event: InferenceEvent): void {
    switch (event.type) {
      case 'answer-start':
        return
      case 'usage-update':
      case 'error':
        this.#out.push(event)
        return
      default:
        this.#takeOfCandidate(event)
    }
  }

  /** Some servers number their only candidate otherwise: the first that speaks is the one that goes on. */
  #takeOfCandidate(event: Extract<InferenceEvent, { readonly candidate: number }>): void {
    this.#candidate ??= event.candidate
    if (event.candidate !== this.#candidate) return
    if (!this.#check.isDone) return this.#compare(event)
    if (event.type === 'finish') this.#finish()
    if (this.#hasDiverged) return
    if ('part' in event) this.#passOn(event)
    else this.#out.push({ ...event, candidate: 0 })
  }

  /** What was to go on with the words has thought instead and said nothing: that is no end of theirs. */
  #finish(): void {
    if (this.#skipped.size > 0 && !this.#hasSpoken) this.#hasDiverged = true
    this.#closeOpen()
  }

  #compare(event: Extract<InferenceEvent, { readonly candidate: number }>): void {
    if (this.#mode === 'echo' && event.type === 'reasoning-start') this.#skipped.add(event.part)
    if ('part' in event && this.#skipped.has(event.part)) return
    const { verdict, joined, rest } = this.#check.take(event)
    if (verdict === 'diverged') this.#hasDiverged = true
    if (joined !== undefined) this.#join(joined.part, joined.kind)
    for (const left of rest) this.#takeOfCandidate(left)
  }

  /** The part that was under way when everything had come again goes on where the open one stopped. */
  #join(part: number, kind: ProseKind): void {
    this.#hasSpoken = true
    if (this.#open?.kind !== kind) return
    this.#numbers.set(part, this.#open.part)
    this.#open = undefined
  }

  #passOn(event: PartEvent): void {
    if (this.#skipped.has(event.part)) return
    switch (event.type) {
      case 'text-start':
      case 'reasoning-start':
        return this.#beginProse(event)
      case 'refusal-start':
      case 'tool-call-start':
      case 'opaque':
        return this.#begin(event)
      default:
        return this.#goOn(event)
    }
  }

  #beginProse(event: Extract<PartEvent, { type: 'text-start' | 'reasoning-start' }>): void {
    const kind = event.type === 'text-start' ? 'text' : 'reasoning'
    if (kind === 'reasoning' && this.#mode !== 'verify' && !this.#hasSpoken) {
      this.#skipped.add(event.part)
      return
    }
    if (this.#open?.kind === kind) this.#join(event.part, kind)
    else this.#begin(event)
  }

  #begin(event: PartEvent): void {
    this.#hasSpoken = true
    this.#closeOpen()
    const part = this.#nextPart
    this.#nextPart += 1
    this.#numbers.set(event.part, part)
    const named = event.type === 'tool-call-start' ? { id: this.#uniqueId(event.id, part) } : {}
    this.#out.push({ ...event, ...named, candidate: 0, part })
  }

  /** Where nothing is known of the part, its beginning was swallowed: more words of it are a part of their own. */
  #goOn(event: PartEvent): void {
    const known = this.#numbers.get(event.part)
    if (known !== undefined) {
      this.#out.push({ ...event, candidate: 0, part: known })
      return
    }
    const { candidate, part } = event
    if (event.type === 'text-delta') this.#beginProse({ type: 'text-start', candidate, part })
    else if (event.type === 'reasoning-delta') this.#beginProse({ type: 'reasoning-start', candidate, part })
    else if (event.type === 'tool-call-delta' && event.argumentsDelta !== '') this.#hasDiverged = true
    if (this.#numbers.has(part)) this.#goOn(event)
  }

  /** A part of the first answer that nothing has joined is over. */
  #closeOpen(): void {
    const open = this.#open
    if (open === undefined) return
    this.#open = undefined
    this.#out.push({ type: `${open.kind}-end`, candidate: 0, part: open.part })
  }

  #uniqueId(id: string, part: number): string {
    const unique = this.#callIds.has(id) ? `${id}_${part}` : id
    this.#callIds.add(unique)
    return unique
  }
}

function expectedOf(delivered: Delivered, mode: SpliceMode): Delivered['parts'] {
  if (mode === 'verify') return delivered.parts
  return mode === 'echo' ? [{ type: 'text', text: delivered.text, isOpen: true }] : []
}
