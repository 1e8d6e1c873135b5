/** One deadline over everything done for a request, and one signal that says when to stop and why. */

import { GatewayError } from '../errors/gateway-error.ts'
import type { Clock, Timer } from '../std/clock.ts'
import { type StopSignal, StopSource } from '../std/stop-signal.ts'

/** We answer this much before a client's own timeout would cut us off. */
export const CLIENT_TIMEOUT_MARGIN_MS = 500
/** A client timeout beyond this is no limit of ours. */
const CLIENT_TIMEOUT_MAX_MS = 86_400_000

export interface DeadlineOptions {
  readonly clock: Clock
  /** Limit over the whole answer, ms. */
  readonly deadlineMs: number
  /** Limit until the answer begins, ms: what the client itself waits for. */
  readonly beginMs?: number
  /** Aborts when the client leaves or the gateway shuts down. */
  readonly parent: StopSignal
}

/** Its signal aborts with the GatewayError that the client is told, if it is still there. */
export class Deadline {
  readonly #source = new StopSource()
  readonly #clock: Clock
  readonly #endsAtMs: number
  readonly #parent: StopSignal
  readonly #timer: Timer
  #beginTimer: Timer | undefined

  constructor(options: DeadlineOptions) {
    const { clock, deadlineMs, parent } = options
    const beginMs = Math.min(options.beginMs ?? deadlineMs, deadlineMs)
    this.#clock = clock
    this.#parent = parent
    this.#endsAtMs = clock.nowMs() + beginMs
    this.#timer = clock.after(deadlineMs, () => this.#expire(deadlineMs))
    if (beginMs < deadlineMs) this.#beginTimer = clock.after(beginMs, () => this.#expire(beginMs))
    if (parent.aborted) this.#onParentAbort()
    else parent.addEventListener('abort', this.#onParentAbort, { once: true })
  }

  get signal(): StopSignal {
    return this.#source
  }

  /** What is left for the answer to begin, ms; never negative. */
  leftMs(): number {
    return this.signal.aborted ? 0 : Math.max(0, this.#endsAtMs - this.#clock.nowMs())
  }

  /** The answer has begun: the client no longer waits for its start. */
  begin(): void {
    this.#beginTimer?.cancel()
    this.#beginTimer = undefined
  }

  dispose(): void {
    this.#timer.cancel()
    this.begin()
    this.#parent.removeEventListener('abort', this.#onParentAbort)
  }

  readonly #onParentAbort = () => {
    this.#source.stop(this.#parent.reason)
  }

  #expire(limitMs: number): void {
    this.#source.stop(
      new GatewayError(
        'deadline_exceeded',
        `The request was not finished within its deadline of ${limitMs / 1_000} s.`,
      ),
    )
  }
}

/** The client's own limit until the answer begins, from the headers of the official SDKs (seconds), less a margin. */
export function clientTimeoutMs(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): number | undefined {
  const text = headers['x-stainless-timeout'] ?? headers['x-stainless-read-timeout']
  if (typeof text !== 'string') return undefined
  const timeoutMs = Number(text) * 1_000
  if (!(timeoutMs > CLIENT_TIMEOUT_MARGIN_MS && timeoutMs <= CLIENT_TIMEOUT_MAX_MS)) return undefined
  return timeoutMs - CLIENT_TIMEOUT_MARGIN_MS
}
