/** Reads the chunks of an answer, and knows when to stop waiting for what can no longer matter. */

import { GatewayError } from '../errors/gateway-error.ts'
import { DRAIN_AFTER_TERMINAL_MS, TERMINAL_MARKER_MS } from '../resilience/timers.ts'
import type { Clock } from '../std/clock.ts'
import type { UpstreamResponse } from '../upstream/attempt.ts'

type Step = IteratorResult<Uint8Array, undefined>

const END: Step = { done: true, value: undefined }

export class UpstreamChunks {
  readonly #response: UpstreamResponse
  readonly #clock: Clock
  readonly #chunks: AsyncIterator<Uint8Array, undefined>
  /** Set with the reason to finish: until then the last word may come. */
  #endsAtMs: number | undefined
  /** Received so far, counted by whoever reads: a count in here would cost another turn of the loop for each chunk. */
  bytes = 0

  constructor(response: UpstreamResponse, clock: Clock) {
    this.#response = response
    this.#clock = clock
    this.#chunks = response.body[Symbol.asyncIterator]()
  }

  /**
   * The next chunk. Of a complete answer the rest is not waited for longer than its limit, pings or not (fault 60), and
   * whatever breaks it off changes nothing: a finish reason without a last word is complete (B4 rule 8).
   */
  next(isComplete: boolean): Promise<Step> {
    if (!isComplete) {
      this.#endsAtMs = undefined
      return this.#chunks.next()
    }
    const nowMs = this.#clock.nowMs()
    this.#endsAtMs ??= nowMs + TERMINAL_MARKER_MS
    return this.#within(this.#endsAtMs - nowMs)
  }

  /** Lets the upstream end by itself, so that its connection can be used again; not for long. */
  drain(): void {
    const timer = this.#clock.after(DRAIN_AFTER_TERMINAL_MS, () => this.#response.cancel())
    const pull = async () => {
      while (!(await this.#chunks.next()).done);
    }
    pull()
      .catch(() => undefined)
      .finally(() => timer.cancel())
  }

  #within(limitMs: number): Promise<Step> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(Math.max(0, limitMs), () => {
        this.#response.cancel()
        resolve(END)
      })
      this.#chunks
        .next()
        .then(resolve, (error) => (isClientGone(error) ? reject(error) : resolve(END)))
        .finally(() => timer.cancel())
    })
  }
}

function isClientGone(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'client_gone'
}
