/**
 * The making of one answer that several requests may wait for: who is there, when it may be given up, and what came of it. It has a
 * signal of its own, since the client that began it may leave while others stay.
 */

import { GatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { StopSignal } from '../std/stop-signal.ts'
import { StopSource } from '../std/stop-signal.ts'
import type { KeptReply } from './kept-reply.ts'
import type { LiveAnswer } from './live-answer.ts'

/** What the run came to: an answer that goes on, or one that is whole. */
export type RunOutcome =
  | { readonly type: 'live'; readonly live: LiveAnswer }
  | { readonly type: 'kept'; readonly kept: KeptReply }

export interface SharedRunInit {
  /** It goes on when everybody has left. */
  readonly isDurable: boolean
  /** It is over, or given up: nobody may join it any more. */
  readonly onClosed: () => void
}

/** One request's part in a run; it leaves once. */
export interface Presence {
  leave(): void
}

interface Waiting {
  takes(outcome: RunOutcome): void
  fails(error: unknown): void
}

export class SharedRun {
  readonly #init: SharedRunInit
  readonly #stopping = new StopSource()
  #waiting: Waiting[] = []
  #settled: RunOutcome | { readonly type: 'failed'; readonly error: unknown } | undefined
  #live: LiveAnswer | undefined
  #present = 0
  #isClosed = false

  constructor(init: SharedRunInit) {
    this.#init = init
  }

  /** Stops what is done for the run. */
  get signal(): StopSignal {
    return this.#stopping
  }

  get isJoinable(): boolean {
    return !this.#isClosed && (this.#live === undefined || this.#live.isJoinable)
  }

  /** Only the one that began it waits for it. */
  get isAlone(): boolean {
    return this.#present === 1
  }

  join({ signal }: Pick<Exchange, 'signal'>): Presence {
    this.#present += 1
    let hasLeft = false
    const leave = (isTold: boolean) => {
      if (hasLeft) return
      hasLeft = true
      signal.removeEventListener('abort', onAbort)
      this.#present -= 1
      if (this.#present === 0) this.#desert(isTold)
    }
    const onAbort = () => {
      if (isLeaving(signal.reason)) leave(true)
      else this.stop(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    return { leave: () => leave(signal.aborted) }
  }

  /**
   * Joins a request to the run: `take` makes its answer at the moment there is one, before the next byte comes. Rejects
   * with what the run fails with, or with the reason why the request itself is given up.
   */
  attach<Answer>(
    { signal }: Pick<Exchange, 'signal'>,
    take: (outcome: RunOutcome, presence: Presence) => Answer,
  ): Promise<Answer> {
    const presence = this.join({ signal })
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal.reason)
      if (signal.aborted) return onAbort()
      signal.addEventListener('abort', onAbort, { once: true })
      const over = () => signal.removeEventListener('abort', onAbort)
      this.#tell({
        takes: (outcome) => {
          over()
          if (!signal.aborted) resolve(take(outcome, presence))
        },
        fails: (error) => {
          over()
          presence.leave()
          reject(error)
        },
      })
    })
  }

  /** It began to answer, and goes on. */
  goesOn(live: LiveAnswer): void {
    this.#live = live
    this.#settle({ type: 'live', live })
    void live.over.then(() => this.#close())
    // Everybody left while it was about to begin.
    if (this.#present === 0 && !this.#init.isDurable) live.desert()
  }

  /** It is whole. */
  ends(kept: KeptReply): void {
    // First: those who take it and leave give nothing up.
    this.#close()
    this.#settle({ type: 'kept', kept })
  }

  fails(error: unknown): void {
    if (this.#settled !== undefined) return
    this.#close()
    this.#settled = { type: 'failed', error }
    this.#tellAll()
  }

  /** Whoever is there: we ourselves end. */
  stop(reason: unknown): void {
    this.#stopping.stop(reason)
  }

  /** `isTold`: the last one is known to be gone; else the body goes first, since it knows whether anything is left to wait for. */
  #desert(isTold: boolean): void {
    if (this.#init.isDurable || this.#isClosed || this.#live?.hasEnded === true) return
    if (isTold) this.#stopping.stop(GONE)
    this.#live?.desert()
    this.#stopping.stop(GONE)
    this.#close()
  }

  #settle(outcome: RunOutcome): void {
    if (this.#settled !== undefined) return
    this.#settled = outcome
    this.#tellAll()
  }

  #tellAll(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) this.#tell(one)
  }

  #tell(waiting: Waiting): void {
    if (this.#settled === undefined) this.#waiting.push(waiting)
    else if (this.#settled.type === 'failed') waiting.fails(this.#settled.error)
    else waiting.takes(this.#settled)
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#init.onClosed()
  }
}

const GONE = new GatewayError('client_gone', 'Every client of this answer left.')

/** A client that goes takes only itself away; any other reason is one for all. */
function isLeaving(reason: unknown): boolean {
  return reason instanceof GatewayError && reason.code !== 'gateway_shutting_down'
}
