/** The room on disk that forms in flight may take together: counted before a byte is written. */

import { GatewayError } from '../errors/gateway-error.ts'

/** All forms of the process at once, bytes on disk. */
export const SPOOL_BYTES_MAX = 8 * 1024 ** 3
const RETRY_AFTER_MS = 5_000

export class SpoolSpace {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number = SPOOL_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** Bytes taken now. */
  get bytes(): number {
    return this.#bytes
  }

  /** Throws `overloaded` where they do not fit; they are not counted then. */
  take(bytes: number): void {
    if (this.#bytes + bytes > this.#bytesMax) throw noRoom()
    this.#bytes += bytes
  }

  give(bytes: number): void {
    this.#bytes -= bytes
  }
}

/** Whether our own bound or the disk itself says so. */
export function noRoom(cause?: unknown): GatewayError {
  const message = 'The gateway has no room left on disk for a form of this size.'
  return new GatewayError('overloaded', message, { retryAfterMs: RETRY_AFTER_MS }, cause)
}
