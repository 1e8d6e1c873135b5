/**
 * Lines of JSON, one value a line (application/x-ndjson): bytes in, cut anywhere; whole lines as text out. Knows framing
 * only, never what a line means, nor whether it is JSON at all.
 */

import { GatewayError } from '../errors/gateway-error.ts'
import { asBuffer } from './bytes.ts'
import { EVENT_BYTES_MAX } from './sse.ts'

export interface NdjsonLimits {
  /** The most bytes a line may have. Default 16 MiB. */
  readonly lineBytesMax?: number
}

const LF = 0x0a
const HELD_BYTES_MIN = 1_024
const NO_BYTES: Buffer = Buffer.alloc(0)

/** Holds at most one unfinished line. Blank lines, which keep a connection alive, are left out. */
export class NdjsonParser {
  readonly #lineBytesMax: number
  /** The unfinished line, in a buffer that doubles. */
  #held: Buffer = NO_BYTES
  #heldBytes = 0
  #isEnded = false

  constructor(limits: NdjsonLimits = {}) {
    this.#lineBytesMax = limits.lineBytesMax ?? EVENT_BYTES_MAX
  }

  /** The lines that these bytes complete. Throws `event_too_large`. */
  read(chunk: Uint8Array): readonly string[] {
    if (this.#isEnded) return []
    const bytes = asBuffer(chunk)
    const lines: string[] = []
    let start = 0
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, start)) {
      this.#push(lines, bytes.subarray(start, end))
      start = end + 1
    }
    this.#hold(bytes.subarray(start))
    return lines
  }

  /** The source ended: the line whose end never came, if there is one. */
  end(): readonly string[] {
    if (this.#isEnded) return []
    const lines: string[] = []
    this.#push(lines, NO_BYTES)
    this.#isEnded = true
    return lines
  }

  #push(lines: string[], rest: Buffer): void {
    const line = this.#takeLine(rest).trim()
    if (line !== '') lines.push(line)
  }

  #takeLine(rest: Buffer): string {
    if (this.#heldBytes === 0) {
      if (rest.length > this.#lineBytesMax) throw this.#tooLarge()
      return rest.toString('utf8')
    }
    this.#hold(rest)
    const line = this.#held.toString('utf8', 0, this.#heldBytes)
    this.#held = NO_BYTES
    this.#heldBytes = 0
    return line
  }

  /** Doubling keeps the copying linear in the size of the line, however small the chunks. */
  #hold(bytes: Buffer): void {
    const needed = this.#heldBytes + bytes.length
    if (needed > this.#lineBytesMax) throw this.#tooLarge()
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(HELD_BYTES_MIN, needed, this.#held.length * 2))
      this.#held.copy(grown, 0, 0, this.#heldBytes)
      this.#held = grown
    }
    bytes.copy(this.#held, this.#heldBytes)
    this.#heldBytes = needed
  }

  #tooLarge(): GatewayError {
    this.#isEnded = true
    this.#held = NO_BYTES
    this.#heldBytes = 0
    return new GatewayError(
      'event_too_large',
      `The provider sent a line of more than ${this.#lineBytesMax} bytes.`,
    )
  }
}
