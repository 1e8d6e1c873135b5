/** One call at a played provider: carries out its acts, one after another, holding still while the gateway asks for it. */

import { assertNever } from '../../std/assert-never.ts'
import type { Clock, Timer } from '../../std/clock.ts'
import type { TransportCall, TransportHandler } from '../../std/transport.ts'
import type { Act } from './conduct.ts'

export type CallEnd = 'whole' | 'refused' | 'broken' | 'aborted' | 'open'

/** Who is told how a call goes. */
export interface CallWatch {
  onHead(status: number): void
  /** Bytes of the answer were given, so many in all. */
  onGiven(bytes: number): void
  onEnd(end: CallEnd): void
}

/** How long a connection takes, ms. */
const CONNECT_MS = 2

export interface CallParts {
  readonly handler: TransportHandler
  readonly clock: Clock
  readonly watch: CallWatch
  readonly connectMs: number
}

export class PlayedCall implements TransportCall {
  readonly #parts: CallParts
  #acts: readonly Act[] = []
  #next = 0
  #timer: Timer | undefined
  #status: number | undefined
  #isPaused = false
  #isOver = false
  /** A wait ended, or a resumption came, while the call held still. */
  #isDue = false

  constructor(parts: CallParts) {
    this.#parts = parts
  }

  /** Nothing is told before the caller has this call in hand. `decide` is asked once the request has arrived. */
  connect(decide: () => readonly Act[]): void {
    this.#wait(CONNECT_MS, () => {
      this.#acts = decide()
      const [first, second] = this.#acts
      const failsToConnect = [first, second].some((act) => act?.type === 'fail' && act.phase === 'connect')
      if (!failsToConnect) this.#parts.handler.onSend()
      this.#play()
    })
  }

  /** The connection is never made: the transport gives up by itself. */
  connectNowhere(): void {
    this.#wait(this.#parts.connectMs, () => this.#fail('connect', 'UND_ERR_CONNECT_TIMEOUT'))
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    if (this.#isDue) this.#wait(0, () => this.#play())
  }

  abort(): void {
    if (this.#isOver) return
    this.#finish('aborted')
  }

  #play(): void {
    while (!this.#isOver) {
      if (this.#isPaused) {
        this.#isDue = true
        return
      }
      this.#isDue = false
      const act = this.#acts[this.#next]
      this.#next += 1
      if (act === undefined || act.type === 'hang') return
      if (act.type === 'wait') return this.#wait(act.ms, () => this.#play())
      this.#carryOut(act)
    }
  }

  #carryOut(act: Exclude<Act, { type: 'wait' | 'hang' }>): void {
    const { handler, watch } = this.#parts
    switch (act.type) {
      case 'head':
        this.#status = act.status
        watch.onHead(act.status)
        return handler.onHeaders(act.status, act.headers)
      case 'data':
        if (act.end !== undefined) watch.onGiven(act.end)
        return handler.onData(act.bytes)
      case 'end':
        this.#finish(this.#status === 200 ? 'whole' : 'refused')
        return handler.onEnd()
      case 'fail':
        return this.#fail(act.phase, act.code)
      default:
        return assertNever(act)
    }
  }

  #fail(phase: Extract<Act, { type: 'fail' }>['phase'], code: string): void {
    if (this.#isOver) return
    this.#finish('broken')
    this.#parts.handler.onFailure({ phase, code })
  }

  #wait(ms: number, then: () => void): void {
    this.#timer = this.#parts.clock.after(ms, then)
  }

  #finish(end: CallEnd): void {
    this.#isOver = true
    this.#timer?.cancel()
    this.#parts.watch.onEnd(end)
  }
}
