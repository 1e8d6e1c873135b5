/**
 * Reads the calls of one candidate. A call comes whole in one part or, where the client asked for its arguments in
 * pieces, in a named part that begins it and nameless ones that go on, the last of which does not say `willContinue`.
 */

import type { InferenceEvent } from '../../canonical/event.ts'
import { type JsonObject, stringOf } from '../../std/json.ts'
import { syntheticCallId, usableId } from './call-ids.ts'
import { fieldOf } from './fields.ts'
import { PartialArgs } from './partial-args.ts'

export interface Place {
  readonly candidate: number
  readonly part: number
}

type Signature = { readonly signature?: string }

interface OpenCall {
  readonly at: Place
  readonly args: PartialArgs
  signed: Signature
}

export class CallReader {
  readonly #callKey: string
  readonly #nextPlace: () => Place
  #open: OpenCall | undefined
  #count = 0
  /** Parts and pieces that belong to no call. */
  anomalies = 0

  /** `callKey`: what tells this answer's made-up ids from another's. */
  constructor(callKey: string, nextPlace: () => Place) {
    this.#callKey = callKey
    this.#nextPlace = nextPlace
  }

  get count(): number {
    return this.#count
  }

  /** Whether this part goes on with the call that is open, or belongs to none. */
  continues(call: JsonObject): boolean {
    return isNameless(call) && (this.#open !== undefined || call['args'] === undefined)
  }

  read(call: JsonObject, signed: Signature): readonly InferenceEvent[] {
    const events: InferenceEvent[] = []
    if (this.continues(call)) this.#goOn(call, signed)
    else events.push(...this.end(), ...this.#begin(call, signed))
    return fieldOf(call, 'willContinue') === true ? events : [...events, ...this.end()]
  }

  /** Nothing more comes of the call that is open. */
  end(): readonly InferenceEvent[] {
    if (this.#open === undefined) return []
    const { at, args, signed } = this.#open
    this.#open = undefined
    this.anomalies += args.skipped
    return [
      { type: 'tool-call-delta', ...at, argumentsDelta: args.toString() },
      { type: 'tool-call-end', ...at, ...signed },
    ]
  }

  #begin(call: JsonObject, signed: Signature): readonly InferenceEvent[] {
    const at = this.#nextPlace()
    const id = usableId(call['id']) ?? syntheticCallId(this.#callKey, at.candidate, this.#count)
    this.#count += 1
    const start = {
      type: 'tool-call-start',
      ...at,
      id,
      name: stringOf(call['name']) ?? '',
      ...signed,
    } as const
    if (!isInPieces(call)) {
      const argumentsDelta = JSON.stringify(call['args'] ?? {})
      return [
        start,
        { type: 'tool-call-delta', ...at, argumentsDelta },
        { type: 'tool-call-end', ...at, ...signed },
      ]
    }
    this.#open = { at, args: new PartialArgs(call['args']), signed }
    this.#open.args.add(fieldOf(call, 'partialArgs'))
    return [start]
  }

  #goOn(call: JsonObject, signed: Signature): void {
    if (this.#open === undefined) {
      this.anomalies += 1
      return
    }
    this.#open.args.add(fieldOf(call, 'partialArgs'))
    if (signed.signature !== undefined) this.#open.signed = signed
  }
}

/** Whether its arguments come in pieces, of which this may be the only one. */
export function isInPieces(call: JsonObject): boolean {
  return fieldOf(call, 'partialArgs') !== undefined || fieldOf(call, 'willContinue') !== undefined
}

export function isNameless(call: JsonObject): boolean {
  return (stringOf(call['name']) ?? '') === ''
}
