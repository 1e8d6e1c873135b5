/** What the simulated provider saw and did of each call, for the questions of tests and of people. */

import type { Clock } from '../std/clock.ts'
import type { RequestHead } from './request.ts'

export interface RecordedCall {
  /** Counted from 1. */
  readonly number: number
  /** Which connection it came on, counted from 1; 0 in process. */
  readonly connection: number
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** As it came; cut after `RECORDED_BODY_BYTES_MAX`. */
  readonly body: Uint8Array
  readonly bodyBytes: number
  readonly model: string
  readonly isStream: boolean
  /** The fault that befell it, as it is written. */
  readonly fault?: string
  /** Times are the clock's monotonic ms. */
  readonly startMs: number
  readonly requestEndMs?: number
  readonly endMs?: number
  readonly state: CallState
  /** Bytes handed to the connection, heads and framing included. */
  readonly bytesWritten: number
  /** Tokens made: what a provider would bill. */
  readonly tokensGenerated: number
  /** Resolves when the call is no longer running. */
  readonly settled: Promise<void>
}

/** `peer-left`: the other side closed before the answer was over, at `endMs`. */
export type CallState = 'running' | 'answered' | 'peer-left'

/** Bytes of a request's body that are kept. */
export const RECORDED_BODY_BYTES_MAX = 1_048_576
/** Bytes of bodies kept in all: the oldest calls are forgotten beyond it. */
const RECORDED_BYTES_MAX = 67_108_864
/** Calls remembered, where nothing else is said. */
export const RECORDED_CALLS_MAX = 1000

const NO_BODY = new Uint8Array(0)

/** A call while it is being recorded. */
export class CallRecord implements RecordedCall {
  readonly number: number
  readonly connection: number
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly startMs: number
  readonly settled: Promise<void>
  body: Uint8Array = NO_BODY
  bodyBytes = 0
  model = ''
  isStream = false
  fault?: string
  requestEndMs?: number
  endMs?: number
  state: CallState = 'running'
  bytesWritten = 0
  tokensGenerated = 0
  readonly #clock: Clock
  readonly #log: CallLog
  readonly #settle: () => void

  constructor(origin: { connection: number; head: RequestHead; clock: Clock; log: CallLog }) {
    this.number = origin.log.nextNumber
    this.#log = origin.log
    this.connection = origin.connection
    this.method = origin.head.method
    this.path = origin.head.path
    this.headers = origin.head.headers
    this.#clock = origin.clock
    this.startMs = origin.clock.nowMs()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.settled = promise
    this.#settle = resolve
  }

  /** The request has been read whole. */
  received(body: Uint8Array): void {
    this.requestEndMs = this.#clock.nowMs()
    this.bodyBytes = body.length
    this.body = body.length > RECORDED_BODY_BYTES_MAX ? body.slice(0, RECORDED_BODY_BYTES_MAX) : body
    this.#log.grew(this.body.length)
  }

  end(state: Exclude<CallState, 'running'>): void {
    if (this.state !== 'running') return
    this.state = state
    this.endMs = this.#clock.nowMs()
    this.#settle()
  }
}

/** The latest calls, oldest first. */
export class CallLog {
  readonly #callsMax: number
  readonly #calls: CallRecord[] = []
  #waiting: ((call: RecordedCall) => void)[] = []
  #count = 0
  #bodyBytes = 0

  constructor(callsMax: number = RECORDED_CALLS_MAX) {
    this.#callsMax = callsMax
  }

  get calls(): readonly RecordedCall[] {
    return this.#calls
  }

  /** The number the next call gets. */
  get nextNumber(): number {
    return this.#count + 1
  }

  add(call: CallRecord): void {
    this.#count += 1
    this.#calls.push(call)
    if (this.#calls.length > this.#callsMax) this.#forgetOldest()
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve(call)
  }

  /** So many bytes more are kept with a call. */
  grew(bytes: number): void {
    this.#bodyBytes += bytes
    while (this.#bodyBytes > RECORDED_BYTES_MAX && this.#calls.length > 1) this.#forgetOldest()
  }

  #forgetOldest(): void {
    this.#bodyBytes -= this.#calls.shift()?.body.length ?? 0
  }

  /** The next call to begin. */
  next(): Promise<RecordedCall> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }
}
