/**
 * What a client was given of a stream, kept so that another provider can go on where it broke off. Bounded for each stream
 * and for the process: beyond the bounds a stream is simply not rescued.
 */

/** Of one stream, which may cost a megabyte in all (fault 81): some 3,000 tokens of chat chunks, more in other dialects. */
export const DELIVERED_BYTES_MAX = 768 * 1024
/** Of all streams together. */
export const DELIVERED_BYTES_TOTAL_MAX = 256 * 1024 ** 2

/** Counts what all streams keep. */
export interface DeliveredMemory {
  bytes: number
}

export class DeliveredBytes {
  readonly #memory: DeliveredMemory
  #chunks: Uint8Array[] = []
  #bytes = 0
  #isWhole = true

  constructor(memory: DeliveredMemory) {
    this.#memory = memory
  }

  /** Everything there was, in order; `undefined` where it was too much. */
  get chunks(): readonly Uint8Array[] | undefined {
    return this.#isWhole ? this.#chunks : undefined
  }

  add(chunk: Uint8Array): void {
    if (!this.#isWhole) return
    const { length } = chunk
    if (
      this.#bytes + length > DELIVERED_BYTES_MAX ||
      this.#memory.bytes + length > DELIVERED_BYTES_TOTAL_MAX
    ) {
      this.release()
      return
    }
    this.#bytes += length
    this.#memory.bytes += length
    this.#chunks.push(chunk)
  }

  /** Nothing is kept from now on. */
  release(): void {
    this.#isWhole = false
    this.#memory.bytes -= this.#bytes
    this.#bytes = 0
    this.#chunks = []
  }
}
