/** One attempt: a request to one target, and either an answer that began well or an error that says what happened. */

import type { TargetDialectId } from '../canonical/envelope.ts'
import { emptyAnswer } from '../canonical/unused-answer.ts'
import type { TargetDialect } from '../dialects/dialect.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import { ByteQueue, type ByteSource } from '../std/byte-queue.ts'
import type { Clock } from '../std/clock.ts'
import type {
  BodySource,
  ResponseHeaders,
  Transport,
  TransportCall,
  TransportFailure,
  TransportHandler,
  TransportRequest,
} from '../std/transport.ts'
import type { Telemetry } from '../telemetry/records.ts'
import type { UpstreamRequest, UpstreamResponse } from './attempt.ts'
import { RESPONSE_BYTES } from './config-schema.ts'
import { classifyFailure, classifyLimit, nameOf } from './classify-failure.ts'
import {
  type DeclaredBody,
  declaredBody,
  type Framing,
  firstByteAt,
  framingOf,
  isBinaryStream,
} from './framing.ts'
import type { Redactor } from './redact.ts'
import { classifyRefusalResponse, judgeHead, notAnAnswer, RefusalBody } from './refusal.ts'
import { createRequestWriter, type RequestWriter } from './target-request.ts'
import { type Limit, Watch } from './watch.ts'

export interface SenderOptions {
  readonly transport: Transport
  readonly clock: Clock
  readonly dialects: ReadonlyMap<TargetDialectId, TargetDialect>
  readonly redactor: Redactor
  /** Where security events are published. */
  readonly telemetry?: Pick<Telemetry, 'notices'>
  readonly limits?: {
    /** Bytes of one answer, all chunks together (fault 46). Default 256 MiB. */
    readonly responseBytesMax?: number
  }
  /** What signs the requests to a target whose key is not simply a header; `undefined` where it is. */
  readonly authorizerOf?: (target: Target) => Authorizer | undefined
  /** Told the head of every answer, good or not: what it says of the provider's limits. */
  readonly onHead?: (
    target: Target,
    head: { readonly status: number; readonly headers: ResponseHeaders },
  ) => void
  /** `holdfast/<version>`. Default `holdfast`. */
  readonly userAgent?: string
}

/** Adds the credential to a request by a computation over it, or by a token that must be fetched first. */
export interface Authorizer {
  /** Rejects with a GatewayError. */
  authorize(request: TransportRequest): TransportRequest | Promise<TransportRequest>
}

export interface Sender {
  /**
   * Resolves when the first byte of a good answer is there; rejects with a GatewayError for everything else, the
   * signal's reason included. The credential is added here and nowhere else.
   */
  send(request: UpstreamRequest): Promise<UpstreamResponse>
}

export function createSender(options: SenderOptions): Sender {
  const rooms: Rooms = {
    ...options,
    writeRequest: createRequestWriter(options.userAgent ?? 'holdfast', options.dialects),
    responseBytesMax: options.limits?.responseBytesMax ?? RESPONSE_BYTES,
  }
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        new AttemptCall(request, rooms, { resolve, reject }).start()
      }),
  }
}

interface Rooms extends SenderOptions {
  readonly writeRequest: RequestWriter
  readonly responseBytesMax: number
}

interface Settle {
  resolve(response: UpstreamResponse): void
  reject(error: unknown): void
}

/** waiting -> (refused | sniffing -> flowing) -> done. */
type State = 'waiting' | 'refused' | 'sniffing' | 'flowing' | 'done'

/** One object per attempt is everything: the transport's handler, the queue's source and the response. */
class AttemptCall implements TransportHandler, ByteSource, UpstreamResponse {
  status = 0
  headers: ResponseHeaders = {}
  framing: Framing = 'json'
  readonly body = new ByteQueue(this)
  readonly #request: UpstreamRequest
  readonly #rooms: Rooms
  readonly #settle: Settle
  readonly #watch: Watch
  #refusal: RefusalBody | undefined
  #state: State = 'waiting'
  #declared: DeclaredBody = 'unknown'
  #call: TransportCall | undefined
  #bodyBytes = 0

  constructor(request: UpstreamRequest, rooms: Rooms, settle: Settle) {
    this.#request = request
    this.#rooms = rooms
    this.#settle = settle
    this.#watch = new Watch(rooms.clock, patientTimers(request), (limit) => this.#onLimit(limit))
  }

  start(): void {
    const { signal } = this.#request
    try {
      signal.throwIfAborted()
      const request = this.#rooms.writeRequest(this.#request)
      signal.addEventListener('abort', this.#onAbort, { once: true })
      const authorizer = this.#rooms.authorizerOf?.(this.#request.target)
      if (authorizer === undefined) this.#dispatch(request)
      else void this.#authorize(authorizer, request)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** The attempt's own time begins when its request can be sent; the exchange's deadline bounds the wait for it. */
  async #authorize(authorizer: Authorizer, request: TransportRequest): Promise<void> {
    try {
      const authorized = await authorizer.authorize(request)
      if (this.#state !== 'done') this.#dispatch(authorized)
    } catch (error) {
      this.#fail(error)
    }
  }

  #dispatch(request: TransportRequest): void {
    const { body } = request
    const isSource = body !== undefined && !(body instanceof Uint8Array)
    const watched = isSource ? { ...request, body: this.#watched(body) } : request
    this.#call = this.#rooms.transport.send(watched, this)
    // A transport may fail before it returns; then nobody was there to close it.
    if (this.#isDone) this.#call.abort()
    else this.#watch.start()
  }

  /** Every piece taken from a source moves the wait for the answer on; one that cannot be read is a failure of our own. */
  #watched(source: BodySource): BodySource {
    const onTaken = () => this.#watch.sends()
    const onFailed = (error: unknown) => {
      this.#fail(
        new GatewayError('gateway_error', 'The body of the request could not be read again.', {}, error),
      )
    }
    return {
      length: source.length,
      async *open() {
        try {
          for await (const chunk of source.open()) {
            onTaken()
            yield chunk
          }
        } catch (error) {
          onFailed(error)
          throw error
        }
      },
    }
  }

  get #isDone(): boolean {
    return this.#state === 'done'
  }

  // The transport's handler.

  onPlace(): void {
    this.#watch.begins()
  }

  onSend(): void {
    this.#watch.connected()
  }

  onHeaders(status: number, headers: ResponseHeaders): void {
    if (this.#state !== 'waiting') return
    this.status = status
    this.headers = headers
    this.#rooms.onHead?.(this.#request.target, { status, headers })
    const verdict = judgeHead(status, headers, this.#request.target, this.#request.answers)
    switch (verdict.type) {
      case 'answer':
        this.#state = 'sniffing'
        this.#declared = declaredBody(headers['content-type'])
        return
      case 'refusal':
        this.#state = 'refused'
        this.#refusal = new RefusalBody()
        this.#watch.refused()
        return
      case 'failure':
        this.#fail(verdict.error)
    }
  }

  onData(chunk: Uint8Array): void {
    switch (this.#state) {
      case 'flowing':
        this.#take(chunk)
        return
      case 'sniffing':
        this.#sniff(chunk)
        return
      case 'refused':
        if (this.#refusal?.add(chunk)) this.#refuse()
        return
      case 'waiting':
      case 'done':
    }
  }

  onEnd(): void {
    switch (this.#state) {
      case 'flowing':
        this.#finish()
        this.body.end()
        return
      case 'refused':
        this.#refuse()
        return
      case 'sniffing':
        if (this.#request.answers === 'any') {
          this.#flow('stream')
          this.onEnd()
          return
        }
        this.#failEmpty()
        return
      case 'waiting':
        this.#failEmpty()
        return
      case 'done':
    }
  }

  #failEmpty(): void {
    this.#fail(emptyAnswer(`${nameOf(this.#request.target)} answered with an empty body.`))
  }

  onFailure(failure: TransportFailure): void {
    // What was read of a refusal, even nothing, says more than how it broke off (fault 10).
    if (this.#state === 'refused') this.#refuse()
    else this.#fail(classifyFailure(failure, this.#request.target))
  }

  // The queue's source, and the response.

  pause(): void {
    this.#watch.suspend()
    this.#call?.pause()
  }

  resume(): void {
    this.#watch.resume()
    this.#call?.resume()
  }

  markContent(): void {
    if (this.#state === 'flowing') this.#watch.flows(false)
  }

  cancel(): void {
    if (this.#state === 'done') return
    this.#finish()
    this.#call?.abort()
    this.body.end()
  }

  #sniff(chunk: Uint8Array): void {
    if (this.#request.answers === 'any') {
      this.#flow(this.#declared === 'json' ? 'json' : 'stream')
      this.#take(chunk)
      return
    }
    const at = isBinaryStream(this.#declared) ? 0 : firstByteAt(chunk)
    if (at === -1) {
      this.#count(chunk)
      return
    }
    const framing = this.#framingFrom(chunk[at] ?? 0)
    if (!framing) {
      this.#fail(notAnAnswer(this.status, this.#request.target).error)
      return
    }
    this.#flow(framing)
    this.#take(chunk)
  }

  #flow(framing: Framing): void {
    this.framing = framing
    this.#state = 'flowing'
    if (framing === 'json') this.#watch.flows(true)
    this.#settle.resolve(this)
  }

  #framingFrom(firstByte: number): Framing | undefined {
    if (isBinaryStream(this.#declared)) return 'stream'
    const { stream } = this.#request
    return framingOf(this.#declared, firstByte, stream ? this.#dialect?.streamFraming : undefined)
  }

  get #dialect(): TargetDialect | undefined {
    const { dialect, target } = this.#request
    return dialect ?? this.#rooms.dialects.get(target.provider.dialect)
  }

  #take(chunk: Uint8Array): void {
    this.#watch.bytes(chunk.length)
    if (this.#count(chunk)) this.body.push(chunk)
  }

  #count(chunk: Uint8Array): boolean {
    this.#bodyBytes += chunk.length
    const { responseBytesMax } = this.#rooms
    if (this.#bodyBytes <= responseBytesMax) return true
    const words = `sent an answer of more than ${responseBytesMax} bytes`
    this.#fail(new GatewayError('response_too_large', `${nameOf(this.#request.target)} ${words}.`))
    return false
  }

  #refuse(): void {
    const { redactor } = this.#rooms
    const { target } = this.#request
    const body = this.#refusal?.bytes() ?? new Uint8Array()
    const response = { status: this.status, headers: this.headers, body }
    this.#fail(classifyRefusalResponse(response, { target, dialect: this.#dialect, redactor }))
  }

  #onLimit(limit: Limit): void {
    if (limit === 'refusal-body') this.#refuse()
    else this.#fail(classifyLimit(limit, this.#request.target))
  }

  readonly #onAbort = (): void => {
    this.#fail(this.#request.signal.reason)
  }

  /** Ends the attempt with an error, which goes to whoever waits: for the answer, or for its body. */
  #fail(error: unknown): void {
    if (this.#state === 'done') return
    const hasAnswered = this.#state === 'flowing'
    this.#finish()
    this.#call?.abort()
    this.#publish(error)
    if (hasAnswered) this.body.fail(error)
    else this.#settle.reject(error)
  }

  #finish(): void {
    this.#state = 'done'
    this.#watch.stop()
    this.#request.signal.removeEventListener('abort', this.#onAbort)
  }

  #publish(error: unknown): void {
    const name = error instanceof GatewayError ? securityEvents[error.code] : undefined
    if (!name || !(error instanceof GatewayError)) return
    const { provider, id } = this.#request.target
    this.#rooms.telemetry?.notices.publish({
      level: 'warn',
      name,
      message: error.message,
      facts: { provider: provider.id, target: id },
    })
  }
}

function patientTimers({ target, firstByteMs = 0 }: UpstreamRequest): Target['timers'] {
  const { timers } = target
  return firstByteMs > timers.firstTokenMs ? { ...timers, firstTokenMs: firstByteMs } : timers
}

/** Errors that an operator should hear of as such: somebody may be trying something (faults 5, 35). */
const securityEvents: { readonly [Code in GatewayError['code']]?: string } = {
  upstream_redirect: 'redirect_refused',
  blocked_address: 'blocked_address',
}
