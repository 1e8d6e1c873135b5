/**
 * Fault 82: events lost on the way leave a gap in their numbers, and words may be lost with them. Who adds up the deltas
 * of a text never learns of it, so what was let through is counted and held against the text that its last event repeats.
 * Words that are missing at the end alone are no harm: the event that repeats the text says them.
 */

import { type JsonObject, stringOf } from '../../std/json.ts'
import type { WireEvent } from './wire-events.ts'

/** Texts of one answer that are counted; beyond it nothing more is. */
const TEXTS_MAX = 4_096

interface SaidText {
  /** Of its deltas. */
  readonly type: string
  readonly part: unknown
  readonly first: string
  readonly gapsBefore: number
  chars: number
  /** Some of its words came after a gap, and others before it. */
  isBroken: boolean
}

export class GapCheck {
  /** The latest text of each item. */
  readonly #said = new Map<unknown, SaidText>()
  #lastNumber: number | undefined
  #gaps = 0

  /** Takes in an event; true where it repeats a text of which words were lost that cannot be put in their place. */
  hasLostWords({ type, value }: WireEvent): boolean {
    this.#noteNumber(value['sequence_number'])
    const { delta } = value
    if (typeof delta === 'string') this.#add(type, value, delta)
    return this.#gaps > 0 && delta === undefined && type.endsWith('.done') && this.#isTorn(type, value)
  }

  #noteNumber(number: unknown): void {
    if (typeof number !== 'number') return
    if (this.#lastNumber !== undefined && number > this.#lastNumber + 1) this.#gaps += 1
    this.#lastNumber = number
  }

  #add(type: string, value: JsonObject, delta: string): void {
    const { item_id: item } = value
    const part = partOf(value)
    const said = this.#said.get(item)
    if (said?.type === type && said.part === part) {
      said.chars += delta.length
      if (this.#gaps > said.gapsBefore) said.isBroken = true
    } else if (said !== undefined || this.#said.size < TEXTS_MAX) {
      const chars = delta.length
      this.#said.set(item, { type, part, first: delta, gapsBefore: this.#gaps, chars, isBroken: false })
    }
  }

  #isTorn(type: string, value: JsonObject): boolean {
    const said = this.#said.get(value['item_id'])
    if (said === undefined || said.part !== partOf(value) || said.type !== deltaTypeOf(type)) return false
    const whole = stringOf(value['text']) ?? stringOf(value['arguments']) ?? stringOf(value['refusal'])
    if (whole === undefined || whole.length === said.chars) return false
    return said.isBroken || !whole.startsWith(said.first)
  }
}

function partOf(value: JsonObject): unknown {
  return value['content_index'] ?? value['summary_index']
}

function deltaTypeOf(doneType: string): string {
  return `${doneType.slice(0, -'done'.length)}delta`
}
