/**
 * AWS's binary event streams (`application/vnd.amazon.eventstream`), on bytes and cut anywhere:
 *
 *   total length u32 | header length u32 | CRC-32 of these 8 bytes | headers | payload | CRC-32 of all before
 *
 * Knows framing only, never what a message means. Both checksums are checked, the first before the length is believed,
 * so that a damaged length never makes the reader wait for gigabytes.
 */

import { crc32 } from 'node:zlib'
import { GatewayError } from '../errors/gateway-error.ts'
import { asBuffer } from './bytes.ts'
import { readEventStreamHeaders } from './eventstream-headers.ts'

export interface EventStreamMessage {
  /** By name (`:event-type`); values of other types than text are said as text. */
  readonly headers: ReadonlyMap<string, string>
  readonly payload: Uint8Array
}

export interface EventStreamLimits {
  /** The most bytes of one frame. Default 16 MiB. */
  readonly frameBytesMax?: number
}

/** The most bytes of one frame, as AWS says and as events of other framings may have here. */
export const FRAME_BYTES_MAX = 16_777_216

/** Two lengths and their checksum. */
const PRELUDE_BYTES = 12
/** The checksum over the whole frame, which ends it. */
const CHECKSUM_BYTES = 4
const FRAME_BYTES_MIN = PRELUDE_BYTES + CHECKSUM_BYTES
const HELD_BYTES_MIN = 1_024
const NO_BYTES: Buffer = Buffer.alloc(0)

/** Bytes in, cut anywhere; messages out. Holds at most one unfinished frame. */
export class EventStreamParser {
  readonly #frameBytesMax: number
  /** The unfinished frame, in a buffer that doubles. */
  #held: Buffer = NO_BYTES
  #heldBytes = 0
  /** The length of the frame being read; 0 while its prelude is not whole. */
  #frameBytes = 0
  #fault: GatewayError | undefined

  constructor(limits: EventStreamLimits = {}) {
    this.#frameBytesMax = limits.frameBytesMax ?? FRAME_BYTES_MAX
  }

  /** What is wrong with the stream: after it nothing more is read, since no later frame can be found. */
  get fault(): GatewayError | undefined {
    return this.#fault
  }

  /** Bytes of a frame are at hand whose end has not come. */
  get hasPartialFrame(): boolean {
    return this.#heldBytes > 0
  }

  /** Reads the next bytes and returns the messages they complete; those before a fault are still returned. */
  read(chunk: Uint8Array): readonly EventStreamMessage[] {
    const messages: EventStreamMessage[] = []
    const bytes = asBuffer(chunk)
    let position = 0
    while (position < bytes.length && this.#fault === undefined) {
      position += this.#hold(bytes, position)
      const message = this.#advance()
      if (message) messages.push(message)
    }
    return messages
  }

  /** Takes over what the part being read still wants, and says how much that was. */
  #hold(bytes: Buffer, position: number): number {
    const wanted = (this.#frameBytes || PRELUDE_BYTES) - this.#heldBytes
    const taken = Math.min(wanted, bytes.length - position)
    this.#reserve(taken)
    bytes.copy(this.#held, this.#heldBytes, position, position + taken)
    this.#heldBytes += taken
    return taken
  }

  /** Doubling keeps the copying linear in the size of the frame; a declared length alone claims no memory. */
  #reserve(bytes: number): void {
    const needed = this.#heldBytes + bytes
    if (needed <= this.#held.length) return
    const grown = Buffer.allocUnsafe(Math.max(HELD_BYTES_MIN, needed, this.#held.length * 2))
    this.#held.copy(grown, 0, 0, this.#heldBytes)
    this.#held = grown
  }

  #advance(): EventStreamMessage | undefined {
    if (this.#frameBytes === 0) {
      if (this.#heldBytes === PRELUDE_BYTES) this.#openFrame()
      return undefined
    }
    return this.#heldBytes === this.#frameBytes ? this.#closeFrame() : undefined
  }

  #openFrame(): void {
    const frameBytes = this.#held.readUInt32BE(0)
    const headerBytes = this.#held.readUInt32BE(4)
    if (this.#held.readUInt32BE(8) !== crc32(this.#held.subarray(0, 8))) {
      this.#fail('a frame whose length does not match its checksum')
    } else if (frameBytes < FRAME_BYTES_MIN || headerBytes > frameBytes - FRAME_BYTES_MIN) {
      this.#fail('a frame of an impossible length')
    } else if (frameBytes > this.#frameBytesMax) {
      this.#fail(`a frame of more than ${this.#frameBytesMax} bytes`)
    } else {
      this.#frameBytes = frameBytes
    }
  }

  #closeFrame(): EventStreamMessage | undefined {
    const end = this.#frameBytes - CHECKSUM_BYTES
    const frame = this.#held.subarray(0, this.#frameBytes)
    this.#drop()
    if (frame.readUInt32BE(end) !== crc32(frame.subarray(0, end))) {
      return this.#fail('a frame that does not match its checksum')
    }
    const payloadAt = PRELUDE_BYTES + frame.readUInt32BE(4)
    const headers = readEventStreamHeaders(frame.subarray(PRELUDE_BYTES, payloadAt))
    if (headers === undefined) return this.#fail('a frame with broken headers')
    return { headers, payload: frame.subarray(payloadAt, end) }
  }

  #drop(): void {
    this.#held = NO_BYTES
    this.#heldBytes = 0
    this.#frameBytes = 0
  }

  /** Broken framing is a broken answer, however it broke (fault 79). */
  #fail(what: string): undefined {
    this.#drop()
    this.#fault = new GatewayError('upstream_truncated', `The provider's stream broke: it sent ${what}.`)
  }
}
