/**
 * Writes a streamed reply to its client: what is there goes out at once and together, a slow reader pauses the source, a
 * silent stream is kept alive, and a client that left, or stopped reading, ends it.
 */

import type { ServerResponse } from 'node:http'
import { type GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import { type AnswerRules, endResponse } from './answer.ts'
import { type CallPhase, type ClientCall, type StopReason, stopError } from './client-call.ts'
import { failpoint } from '../std/failpoints.ts'

export interface ReplyStreamInit {
  readonly call: ClientCall
  readonly body: AsyncIterable<Uint8Array>
  readonly rules: AnswerRules
  /** What is written into silence, and after how much of it; absent where silence is fine. */
  readonly heartbeat?: { readonly text: string; readonly afterMs: number }
  /** Tells the exchange that it is over. */
  readonly abort: (error: GatewayError) => void
  /** The in-band error of the client's dialect; absent where the body is no event stream and has no place for one. */
  readonly writeStreamError?: (error: GatewayError) => string
  /** The body threw what is no refusal: a defect of ours. */
  readonly onDefect: (error: unknown) => void
}

export class ReplyStream implements CallPhase {
  readonly #init: ReplyStreamInit
  readonly #response: ServerResponse
  readonly #iterator: AsyncIterator<Uint8Array>
  #isOver = false
  #hasWritten = true
  #quietSinceMs = 0
  #stalledSinceMs: number | undefined
  #resume: (() => void) | undefined

  constructor(init: ReplyStreamInit) {
    this.#init = init
    this.#response = init.call.response
    this.#iterator = init.body[Symbol.asyncIterator]()
  }

  /** Resolves when the last byte is handed over or the stream was stopped; never rejects. */
  async run(): Promise<void> {
    this.#flushHeaders()
    try {
      for (;;) {
        const step = await this.#iterator.next()
        if (this.#isOver) return
        if (step.done === true) break
        this.#hasWritten = true
        if (!this.#response.write(step.value)) await this.#drained()
        failpoint('mid-stream')
        if (this.#isOver) return
      }
    } catch (error) {
      if (this.#isOver) return
      const failure = toGatewayError(error)
      if (failure !== error || failure.code === 'gateway_error') this.#init.onDefect(error)
      return this.#breakOff(failure)
    }
    this.#isOver = true
    endResponse(this.#init.call, this.#init.rules)
  }

  /** Time is told by the sweep alone, so that a chunk costs no look at the clock. */
  check(nowMs: number): void {
    if (this.#stalledSinceMs !== undefined) {
      // A pipelined answer waits for the one before it: that is no reader's fault.
      if (this.#response.socket === null) this.#stalledSinceMs = nowMs
      if (nowMs - this.#stalledSinceMs >= this.#init.rules.writeStallMs)
        this.#init.call.connection.socket.destroy()
      return
    }
    const { heartbeat } = this.#init
    if (this.#hasWritten) {
      this.#hasWritten = false
      this.#quietSinceMs = nowMs
    } else if (heartbeat !== undefined && nowMs - this.#quietSinceMs >= heartbeat.afterMs) {
      this.#quietSinceMs = nowMs
      this.#response.write(heartbeat.text)
    }
  }

  stop(reason: StopReason): void {
    if (this.#isOver) return
    const error = stopError(reason)
    if (reason === 'shutting-down') {
      this.#init.abort(error)
      return this.#breakOff(error)
    }
    // What was made and not taken makes no whole answer (I2).
    if (this.#stalledSinceMs !== undefined || this.#response.writableLength > 0) this.#init.abort(error)
    // Else the body goes first: it knows whether anything is left that is worth waiting for.
    this.#leave()
    this.#init.abort(error)
    this.#response.destroy()
  }

  /** Ends with the dialect's own error event and without its terminal marker; other bodies are cut, so that they never look whole. */
  #breakOff(error: GatewayError): void {
    this.#leave()
    const { writeStreamError } = this.#init
    if (writeStreamError === undefined) {
      this.#response.destroy()
      return
    }
    this.#response.write(writeStreamError(error))
    endResponse(this.#init.call, this.#init.rules)
  }

  #leave(): void {
    this.#isOver = true
    this.#resume?.()
    // A generator that waits returns only when its abort wakes it; nobody here has to wait for that.
    this.#iterator.return?.().then(undefined, () => {})
  }

  /** The header block leaves with the first chunk where that is at hand, and at once where it is not. */
  #flushHeaders(): void {
    this.#response.cork()
    this.#response.flushHeaders()
    process.nextTick(() => this.#response.uncork())
  }

  #drained(): Promise<void> {
    this.#stalledSinceMs = this.#init.rules.nowMs()
    return new Promise((resolve) => {
      const resume = () => {
        this.#stalledSinceMs = undefined
        this.#resume = undefined
        this.#response.off('drain', resume)
        resolve()
      }
      this.#resume = resume
      this.#response.on('drain', resume)
    })
  }
}
