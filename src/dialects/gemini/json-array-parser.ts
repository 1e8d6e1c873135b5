/** Elements of a JSON array that arrives over time, each as its text as soon as it is whole. */

import { GatewayError } from '../../errors/gateway-error.ts'
import { EVENT_BYTES_MAX } from '../../wire/sse.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

export interface ArrayElement {
  readonly name: string
  readonly data: string
}

/** Bytes in, cut anywhere; objects out. What stands between them is not looked at. */
export class JsonArrayParser {
  #held: Buffer[] = []
  #heldBytes = 0
  /** Braces and brackets open inside the element; 0 between elements. */
  #depth = 0
  #isInString = false
  #isEscaped = false

  /** Throws `event_too_large`. */
  read(chunk: Uint8Array): readonly ArrayElement[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const elements: ArrayElement[] = []
    let start = this.#depth > 0 ? 0 : -1
    for (let at = 0; at < bytes.length; at += 1) {
      const wasOpen = this.#depth > 0
      // The index is inside the chunk.
      this.#step(bytes[at] as number)
      if (!wasOpen && this.#depth > 0) start = at
      if (!wasOpen || this.#depth > 0) continue
      elements.push({ name: 'message', data: this.#take(bytes.subarray(start, at + 1)) })
      start = -1
    }
    if (start >= 0) this.#hold(bytes.subarray(start))
    return elements
  }

  end(): readonly ArrayElement[] {
    return []
  }

  #step(byte: number): void {
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false
      else if (byte === BACKSLASH) this.#isEscaped = true
      else if (byte === QUOTE) this.#isInString = false
    } else if (this.#depth === 0) {
      if (byte === OPEN_BRACE) this.#depth = 1
    } else if (byte === QUOTE) this.#isInString = true
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth += 1
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#depth -= 1
  }

  #hold(piece: Buffer): void {
    this.#heldBytes += piece.length
    if (this.#heldBytes > EVENT_BYTES_MAX) {
      throw new GatewayError(
        'event_too_large',
        `The provider sent an event of more than ${EVENT_BYTES_MAX} bytes.`,
      )
    }
    this.#held.push(Buffer.from(piece))
  }

  #take(last: Buffer): string {
    if (this.#heldBytes === 0) return last.toString()
    const text = Buffer.concat([...this.#held, last]).toString()
    this.#held = []
    this.#heldBytes = 0
    return text
  }
}
