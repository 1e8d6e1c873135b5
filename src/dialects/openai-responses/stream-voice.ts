/** Says the events of one stream, numbered in order. */

import type { JsonObject } from '../../std/json.ts'
import { encodeSse } from '../../wire/sse.ts'

export class Voice {
  #said = ''
  #number: number

  /** `number`: of the first event. */
  constructor(number = 0) {
    this.#number = number
  }

  /** The number of the next event. */
  get number(): number {
    return this.#number
  }

  say(type: string, fields: JsonObject): void {
    this.#said += encodeSse(JSON.stringify({ type, ...fields, sequence_number: this.#next() }), type)
  }

  /** Most events of a stream are these: they are put together from what is the same in all of them. */
  sayDelta(type: string, members: string, delta: string, tail = ''): void {
    this.#said += `event: ${type}\ndata: {"type":"${type}",${members},"delta":${JSON.stringify(delta)}${tail},"sequence_number":${this.#next()}}\n\n`
  }

  take(): string {
    const said = this.#said
    this.#said = ''
    return said
  }

  #next(): number {
    this.#number += 1
    return this.#number - 1
  }
}
