/** Time, handed in. Nothing outside this file reads the machine's clock, so a test can hold time still. */

import type { StopSignal } from './stop-signal.ts'

/** A pending call that can be taken back. */
export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall-clock time, ms since the Unix epoch: for records and for people, never for limits. */
  wallMs(): number
  /** Monotonic time, ms, with a fraction: for every deadline, timer and measurement. */
  nowMs(): number
  /** Calls `callback` once, after at least `delayMs`. The timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer
}

/** The longest delay Node's timers keep without wrapping to 1 ms (2^31 - 1 ms). */
const TIMER_DELAY_MAX_MS = 2_147_483_647

/**
 * Node's timers count whole milliseconds and fire up to two too early by the monotonic clock, so that a deadline's
 * timer would find the deadline not yet reached. This one looks again, and waits for the rest.
 */
class NodeTimer implements Timer {
  readonly #dueMs: number
  readonly #callback: () => void
  #handle: NodeJS.Timeout

  constructor(delayMs: number, callback: () => void) {
    this.#dueMs = performance.now() + delayMs
    this.#callback = callback
    this.#handle = this.#arm(delayMs)
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }

  #arm(delayMs: number): NodeJS.Timeout {
    const wholeMs = Math.min(Math.max(0, Math.ceil(delayMs)), TIMER_DELAY_MAX_MS)
    return setTimeout(() => this.#fire(), wholeMs).unref()
  }

  #fire(): void {
    const leftMs = this.#dueMs - performance.now()
    if (leftMs > 0) this.#handle = this.#arm(leftMs)
    else this.#callback()
  }
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  nowMs: () => performance.now(),
  after: (delayMs, callback) => new NodeTimer(delayMs, callback),
}

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: StopSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    const onAbort = () => {
      timer.cancel()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/**
 * Does `work` again and again, `everyMs` after it was last done, until it is cancelled. What it rejects with is its
 * caller's defect, and ends nothing: the next time comes all the same.
 */
export function repeat(clock: Clock, everyMs: number, work: () => Promise<unknown> | void): Timer {
  let isCancelled = false
  let timer = clock.after(everyMs, () => void once())
  const once = async () => {
    try {
      await work()
    } finally {
      if (!isCancelled) timer = clock.after(everyMs, () => void once())
    }
  }
  return {
    cancel() {
      isCancelled = true
      timer.cancel()
    },
  }
}
