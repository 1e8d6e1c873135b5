/**
 * A one-reader queue of byte chunks between a source that pushes and a consumer that pulls, with backpressure:
 * above its high-water mark it asks the source to pause, and drained it asks it to go on.
 */

/** What the queue asks of its source. */
export interface ByteSource {
  pause(): void
  resume(): void
  /** The consumer left before the end; nothing more is wanted. */
  cancel(): void
}

/** Bytes a queue holds before it pauses its source. */
export const QUEUE_HIGH_WATER_BYTES = 65_536

type Waiting = { resolve(result: IteratorResult<Uint8Array, undefined>): void; reject(error: unknown): void }

export class ByteQueue implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array, undefined> {
  readonly #source: ByteSource
  readonly #highWaterBytes: number
  #chunks: Uint8Array[] = []
  #queuedBytes = 0
  #isPaused = false
  #isEnded = false
  /** What the source failed with, until the consumer has been told. */
  #failure: { readonly error: unknown } | undefined
  #waiting: Waiting | undefined

  constructor(source: ByteSource, highWaterBytes: number = QUEUE_HIGH_WATER_BYTES) {
    this.#source = source
    this.#highWaterBytes = highWaterBytes
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  push(chunk: Uint8Array): void {
    if (this.#isEnded || chunk.length === 0) return
    const waiting = this.#waiting
    if (waiting) {
      this.#waiting = undefined
      waiting.resolve({ done: false, value: chunk })
      return
    }
    this.#chunks.push(chunk)
    this.#queuedBytes += chunk.length
    if (!this.#isPaused && this.#queuedBytes >= this.#highWaterBytes) {
      this.#isPaused = true
      this.#source.pause()
    }
  }

  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#waiting?.resolve({ done: true, value: undefined })
    this.#waiting = undefined
  }

  /** Ends with an error: what was queued before it is still delivered. */
  fail(error: unknown): void {
    if (this.#isEnded) return
    this.#isEnded = true
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting) waiting.reject(error)
    else this.#failure = { error }
  }

  /** Everything queued, as one read: a consumer that fell behind catches up with one chunk. */
  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#chunks.length > 0) {
      const value = this.#takeAll()
      if (this.#isPaused && !this.#isEnded) {
        this.#isPaused = false
        this.#source.resume()
      }
      return Promise.resolve({ done: false, value })
    }
    if (this.#failure) {
      const { error } = this.#failure
      this.#failure = undefined
      return Promise.reject(error)
    }
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined })
    if (this.#waiting)
      return Promise.reject(new Error('a byte queue has one reader, which waits for one read at a time'))
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  /** The consumer leaves: the source is cancelled, what is queued is dropped, and a read that still waits ends. */
  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#isEnded) {
      this.#isEnded = true
      this.#source.cancel()
    }
    this.#chunks = []
    this.#queuedBytes = 0
    this.#failure = undefined
    this.#waiting?.resolve({ done: true, value: undefined })
    this.#waiting = undefined
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #takeAll(): Uint8Array {
    const chunks = this.#chunks
    this.#chunks = []
    this.#queuedBytes = 0
    const [first] = chunks
    return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks)
  }
}
