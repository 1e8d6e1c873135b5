/**
 * Fault 82: where events are lost or change places, their numbers tell it, and words may be lost with them. Who adds up
 * the deltas of a text never learns of it, so what was let through is remembered as a checksum and held against the text
 * that its last event repeats. Words that are missing at the end alone are no harm: that event says them.
 */

import { type JsonObject, stringOf } from '../../std/json.ts'
import type { WireEvent } from './wire-events.ts'

/** Texts of one answer that are looked after; beyond it no more are. */
const TEXTS_MAX = 4_096

interface SaidText {
  /** Of its deltas. */
  readonly type: string
  readonly part: unknown
  chars: number
  checksum: number
}

export class GapCheck {
  /** The latest text of each item. */
  readonly #said = new Map<unknown, SaidText>()
  #lastNumber: number | undefined
  #isDisordered = false

  /** Takes in an event; true where it repeats a text that is not what its deltas said. */
  hasLostWords({ type, value }: WireEvent): boolean {
    this.#noteNumber(value['sequence_number'])
    const { delta } = value
    if (typeof delta === 'string') this.#add(type, value, delta)
    return this.#isDisordered && delta === undefined && type.endsWith('.done') && this.#isTorn(type, value)
  }

  #noteNumber(number: unknown): void {
    if (typeof number !== 'number') return
    if (this.#lastNumber !== undefined && number !== this.#lastNumber + 1) this.#isDisordered = true
    this.#lastNumber = number
  }

  #add(type: string, value: JsonObject, delta: string): void {
    const { item_id: item } = value
    const part = partOf(value)
    const known = this.#said.get(item)
    if (known?.type === type && known.part === part) {
      known.checksum = checksumOf(delta, delta.length, known.checksum)
      known.chars += delta.length
    } else if (known !== undefined || this.#said.size < TEXTS_MAX) {
      const checksum = checksumOf(delta, delta.length, CHECKSUM_SEED)
      this.#said.set(item, { type, part, chars: delta.length, checksum })
    }
  }

  #isTorn(type: string, value: JsonObject): boolean {
    const said = this.#said.get(value['item_id'])
    if (said === undefined || said.part !== partOf(value) || said.type !== deltaTypeOf(type)) return false
    const whole = stringOf(value['text']) ?? stringOf(value['arguments']) ?? stringOf(value['refusal'])
    if (whole === undefined) return false
    return whole.length < said.chars || checksumOf(whole, said.chars, CHECKSUM_SEED) !== said.checksum
  }
}

function partOf(value: JsonObject): unknown {
  return value['content_index'] ?? value['summary_index']
}

function deltaTypeOf(doneType: string): string {
  return `${doneType.slice(0, -'done'.length)}delta`
}

const CHECKSUM_SEED = 0x81_1c_9d_c5
const CHECKSUM_PRIME = 0x01_00_01_93

/** FNV-1a over the code units of a beginning: good enough to tell texts apart that ought to be the same. */
function checksumOf(text: string, chars: number, seed: number): number {
  let sum = seed
  for (let index = 0; index < chars; index += 1) sum = Math.imul(sum ^ text.charCodeAt(index), CHECKSUM_PRIME)
  return sum
}
