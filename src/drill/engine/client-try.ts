/**
 * One request of a client, from the front door to the last byte it reads: what `http/` does for a socket is done here for
 * a client in the same process. It may leave at any moment, read slowly, or be told that the gateway shuts down.
 */

import { PRIORITY_HEADER, type Priority } from '../../admission/priority.ts'
import type { House } from '../../app/compose.ts'
import { dialects } from '../../dialects/index.ts'
import type { Dialect } from '../../dialects/dialect.ts'
import { type GatewayError, toGatewayError } from '../../errors/gateway-error.ts'
import type { Admission } from '../../exchange/gateway.ts'
import type { Exchange } from '../../execution/exchange.ts'
import type { Reply } from '../../execution/reply.ts'
import { errorBody, errorHeaders } from '../../http/answer-error.ts'
import { type StopReason, stopError } from '../../http/client-call.ts'
import { pushReplyHeaders } from '../../http/reply-headers.ts'
import { type Clock, sleep, type Timer } from '../../std/clock.ts'
import { AnswerReader } from './answer-reader.ts'
import type { AskedRequest, PlayedDialect } from './ask.ts'
import { CountedStop, type LingeringStops } from './counted-stop.ts'
import type { ClientTry, TryOutcome } from './history.ts'

/** What a client finds when it connects. */
export interface FrontDoor {
  readonly clock: Clock
  /** Absent while nobody accepts connections. */
  readonly house: House | undefined
  /** Everything that reaches a client passes here. */
  onOutput(text: string | Uint8Array): void
  readonly open: Set<OpenTry>
  readonly lingering: LingeringStops
  readonly keepsText: boolean
}

export interface Asking {
  readonly exchangeId: string
  readonly tag: string
  readonly dialect: PlayedDialect
  readonly request: AskedRequest
  readonly headers: Readonly<Record<string, string>>
  readonly clientKey?: string
  readonly priority: Priority
  readonly deadlineMs: number
  /** How long the client waits for an answer to begin, ms. */
  readonly timeoutMs?: number
  /** When it leaves, from its start, ms. */
  readonly leavesAfterMs?: number
  /** Between two reads, ms; 0 for a client that keeps up. */
  readonly dawdleMs: number
}

/** A client leaves when its own timeout has passed by as much, ms. */
const PATIENCE_MS = 5
/** What a refused connection takes, ms. */
const REFUSED_MS = 1

export class OpenTry {
  readonly #asking: Asking
  readonly #door: FrontDoor
  readonly #dialect: Dialect
  readonly #reader: AnswerReader
  readonly #stopping = new CountedStop()
  readonly #startMs: number
  readonly #ended = Promise.withResolvers<ClientTry>()
  #timers: Timer[] = []
  #reply: Reply | undefined
  #iterator: AsyncIterator<Uint8Array> | undefined
  #outcome: TryOutcome | undefined
  #isAccepted = false
  #dawdledMs = 0
  #status: number | undefined
  #begunAtMs: number | undefined
  #firstTextMs: number | undefined
  #leftAtMs: number | undefined
  #headers: readonly string[] = []

  constructor(asking: Asking, door: FrontDoor) {
    const dialect = dialects.get(asking.dialect)
    if (dialect === undefined) throw new Error(`no dialect ${asking.dialect}`)
    this.#asking = asking
    this.#door = door
    this.#dialect = dialect
    this.#reader = new AnswerReader(asking.dialect)
    this.#startMs = door.clock.nowMs()
  }

  /** Never rejects. */
  run(): Promise<ClientTry> {
    const { house, open, clock } = this.#door
    open.add(this)
    if (house === undefined) this.#timers.push(clock.after(REFUSED_MS, () => this.#end('lost')))
    else this.#enter(house)
    return this.#ended.promise
  }

  /** As the server in front tells a call: the client is gone, or the gateway must stop. */
  stop(reason: StopReason): void {
    if (this.#outcome !== undefined) return
    const error = stopError(reason)
    if (reason === 'client-gone') this.#leftAtMs = this.#door.clock.nowMs()
    if (this.#reply === undefined) {
      this.#stopping.stop(error)
      if (reason === 'client-gone') this.#end('left')
      else this.#tellError(error)
      return
    }
    if (reason === 'client-gone') return this.#leave(error)
    this.#breakOff(error)
  }

  /** What it has come to, though it never ended. */
  hang(): void {
    this.#end('hung')
  }

  #enter(house: House): void {
    const { clock } = this.#door
    const { leavesAfterMs, timeoutMs } = this.#asking
    if (leavesAfterMs !== undefined)
      this.#timers.push(clock.after(leavesAfterMs, () => this.stop('client-gone')))
    if (timeoutMs !== undefined)
      this.#timers.push(clock.after(timeoutMs + PATIENCE_MS, () => this.#loosePatience()))
    this.#isAccepted = true
    const served = this.#admit(house)
    if (served === undefined) return
    house.gateway.serve(served.exchange, served.admission).then(
      (reply) => void this.#take(reply),
      (error: unknown) => {
        if (this.#outcome === undefined) this.#tellError(toGatewayError(error))
      },
    )
  }

  #admit({ gateway }: House): { exchange: Exchange; admission: Admission } | undefined {
    const { exchangeId, request, clientKey, priority, headers } = this.#asking
    let admission: Admission | undefined
    try {
      const admitted = gateway.admit(clientKey, priority)
      if (admitted instanceof Promise) throw new Error('the keys of a drill are all known')
      admission = admitted
      admission.hold(request.body.length)
      const exchange: Exchange = {
        id: exchangeId,
        dialect: this.#dialect,
        operation: 'chat',
        envelope: this.#dialect.peek(request.body, 'chat', request.named),
        ...(request.named === undefined ? {} : { named: request.named }),
        body: request.body,
        headers: priority === 'normal' ? headers : { ...headers, [PRIORITY_HEADER]: priority },
        arrivedAtMs: this.#startMs,
        signal: this.#stopping,
      }
      return { exchange, admission }
    } catch (thrown) {
      admission?.release()
      const error = toGatewayError(thrown)
      gateway.refuse({
        exchangeId,
        dialect: this.#dialect.id,
        error,
        status: error.status,
        requestBytes: request.body.length,
        durationMs: 0,
      })
      this.#tellError(error)
      return undefined
    }
  }

  #loosePatience(): void {
    if (this.#begunAtMs === undefined) this.stop('client-gone')
  }

  async #take(reply: Reply): Promise<void> {
    if (this.#outcome !== undefined) return drop(reply)
    this.#reply = reply
    this.#begin(reply.status)
    const headers: string[] = []
    pushReplyHeaders(headers, reply)
    this.#headers = headers
    this.#door.onOutput(headers.join('\n'))
    if (reply.body instanceof Uint8Array) return this.#takeWhole(reply, reply.body)
    return this.#takeStream(reply.body)
  }

  async #takeWhole(reply: Reply, body: Uint8Array): Promise<void> {
    await this.#dawdle()
    if (this.#outcome !== undefined) return
    const text = textOf(body)
    this.#door.onOutput(text)
    this.#reader.readWhole(text)
    this.#noteText()
    reply.close(true)
    this.#end(this.#reader.hasSuccessMarker ? 'answered' : 'truncated')
  }

  async #takeStream(body: AsyncIterable<Uint8Array>): Promise<void> {
    const iterator = body[Symbol.asyncIterator]()
    this.#iterator = iterator
    try {
      for (;;) {
        const step = await iterator.next()
        if (this.#outcome !== undefined) return
        if (step.done === true) break
        this.#read(step.value)
        await this.#dawdle()
        if (this.#outcome !== undefined) return
      }
    } catch (error) {
      if (this.#outcome === undefined) this.#breakOff(toGatewayError(error))
      return
    }
    this.#endStream()
  }

  #read(chunk: Uint8Array): void {
    this.#door.onOutput(chunk)
    this.#reader.add(chunk)
    this.#noteText()
  }

  #noteText(): void {
    if (this.#firstTextMs === undefined && (this.#reader.text !== '' || this.#reader.toolCalls.length > 0))
      this.#firstTextMs = this.#door.clock.nowMs() - this.#startMs
  }

  async #dawdle(): Promise<void> {
    const { dawdleMs } = this.#asking
    if (dawdleMs === 0) return
    await sleep(this.#door.clock, dawdleMs)
    this.#dawdledMs += dawdleMs
  }

  #endStream(): void {
    const { hasSuccessMarker, error } = this.#reader
    if (hasSuccessMarker) return this.#end('answered')
    this.#end(error === undefined ? 'lost' : 'truncated')
  }

  /** The stream first: it knows whether anything is left that is worth waiting for. */
  #leave(error: GatewayError): void {
    const reply = this.#reply
    this.#end('left')
    if (reply === undefined) return
    if (this.#iterator === undefined) reply.close(false)
    else leave(this.#iterator)
    this.#stopping.stop(error)
  }

  /** Ends a stream with the dialect's own error and without its terminal. */
  #breakOff(error: GatewayError): void {
    const reply = this.#reply
    this.#stopping.stop(error)
    if (this.#iterator !== undefined) leave(this.#iterator)
    if (reply === undefined || reply.body instanceof Uint8Array) {
      reply?.close(false)
      return this.#end('lost')
    }
    const context = { requestId: this.#asking.exchangeId, attempts: reply.attempts, isPartial: true }
    const words = reply.writeError?.(error) ?? this.#dialect.writeStreamError(error, context)
    this.#read(Buffer.from(words))
    this.#endStream()
  }

  #tellError(error: GatewayError): void {
    const body = errorBody(this.#asking.exchangeId, this.#dialect, error)
    this.#begin(error.status)
    this.#headers = errorHeaders(error)
    this.#door.onOutput(`${this.#headers.join('\n')}\n${body}`)
    this.#reader.readError(body)
    this.#end('failed')
  }

  #begin(status: number): void {
    this.#status = status
    this.#begunAtMs = this.#door.clock.nowMs()
  }

  #end(outcome: TryOutcome): void {
    if (this.#outcome !== undefined) return
    this.#outcome = outcome
    for (const timer of this.#timers) timer.cancel()
    this.#timers = []
    this.#door.open.delete(this)
    this.#door.lingering.add(this.#stopping)
    this.#ended.resolve(this.#tell(outcome))
  }

  #tell(outcome: TryOutcome): ClientTry {
    const { exchangeId, tag, deadlineMs, timeoutMs } = this.#asking
    const { text, toolCalls, hasSuccessMarker, error } = this.#reader
    const mayRetry = this.#header('x-should-retry')
    const retryAfterMs = this.#header('retry-after-ms')
    return {
      outcome,
      exchangeId,
      tag,
      startMs: this.#startMs,
      endMs: this.#door.clock.nowMs(),
      deadlineAtMs: this.#startMs + deadlineMs,
      ...(timeoutMs === undefined ? {} : { beginByMs: this.#startMs + timeoutMs }),
      ...(this.#begunAtMs === undefined ? {} : { begunAtMs: this.#begunAtMs }),
      isAccepted: this.#isAccepted,
      ...(this.#status === undefined ? {} : { status: this.#status }),
      ...(this.#firstTextMs === undefined ? {} : { firstTextMs: this.#firstTextMs }),
      text: this.#door.keepsText ? text : '',
      toolCalls: this.#door.keepsText ? toolCalls : [],
      hasSuccessMarker,
      ...(error === undefined ? {} : { error }),
      ...(this.#leftAtMs === undefined ? {} : { leftAtMs: this.#leftAtMs }),
      dawdledMs: this.#dawdledMs,
      ...(mayRetry === undefined ? {} : { mayRetry: mayRetry === 'true' }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs: Number(retryAfterMs) }),
    }
  }

  /** Names and values stand by turns. */
  #header(name: string): string | undefined {
    const at = this.#headers.indexOf(name)
    return at < 0 ? undefined : this.#headers[at + 1]
  }
}

/** A reply nobody is left to read: its source is told. */
function drop(reply: Reply): void {
  reply.close(false)
  if (reply.body instanceof Uint8Array) return
  reply.body[Symbol.asyncIterator]()
    .return?.()
    .then(undefined, () => {})
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
}

/** Nobody waits for what is still under way. */
function leave(iterator: AsyncIterator<Uint8Array>): void {
  void iterator.return?.().then(undefined, () => undefined)
}
