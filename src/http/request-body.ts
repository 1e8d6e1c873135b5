/** Reads a request's body whole, within its bound and at a pace worth waiting for. Nothing is read before it is asked for. */

import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import { releaseBytes } from '../std/release-bytes.ts'
import { type BodyDecoder, createBodyDecoder, readContentEncoding, tooLarge } from './body-decoder.ts'
import { BodyPace } from './body-pace.ts'
import { type CallPhase, type ClientCall, type StopReason, stopError } from './client-call.ts'
import type { HttpLimits } from './http-limits.ts'

export interface ReadBodyOptions {
  readonly bytesMax: number
  readonly limits: HttpLimits
  /** Told of every byte before it is kept; throws where there is no room for it. */
  readonly hold: (bytes: number) => void
}

/**
 * The body as the client meant it: its content-encoding undone. Throws `body_too_large`, `unsupported_media_type`,
 * `request_timeout`, `invalid_request` or `client_gone`.
 */
export function readBody(call: ClientCall, options: ReadBodyOptions): Promise<Uint8Array> {
  const { headers } = call.request
  checkContentType(headers['content-type'])
  const encoding = readContentEncoding(headers['content-encoding'])
  if (Number(headers['content-length'] ?? 0) > options.bytesMax) throw tooLarge(options.bytesMax)
  if (call.expectsContinue) call.response.writeContinue()
  return new Promise((resolve, reject) => {
    const reading = new BodyReading(call, options, { resolve, reject })
    if (encoding !== undefined)
      reading.decodeWith((handler) => createBodyDecoder(encoding, options.bytesMax, handler))
    call.phase = reading
  })
}

/** Whether the rest of the body is yet to come, so that the connection cannot simply be used again. */
export function isBodyPending(call: ClientCall): boolean {
  const { request } = call
  if (request.complete) return false
  return (
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  )
}

const REFUSED_TYPE = /^(?:multipart|image|audio|video|font|model)\//i
const XML_TYPE = /^(?:application|text)\/(?:[a-z.-]+\+)?xml\b/i

/** What is clearly no JSON is refused; a missing or sloppy type (curl's form default) is judged by the body itself. */
function checkContentType(type: string | undefined): void {
  if (type === undefined || !(REFUSED_TYPE.test(type) || XML_TYPE.test(type))) return
  throw new GatewayError('unsupported_media_type', 'The content-type of the body is not application/json.')
}

interface Settle {
  readonly resolve: (body: Uint8Array) => void
  readonly reject: (error: GatewayError) => void
}

class BodyReading implements CallPhase {
  readonly #call: ClientCall
  readonly #options: ReadBodyOptions
  readonly #settle: Settle
  readonly #pace: BodyPace
  #chunks: Uint8Array[] = []
  #bytes = 0
  #isSettled = false
  #decoder: BodyDecoder | undefined

  constructor(call: ClientCall, options: ReadBodyOptions, settle: Settle) {
    this.#call = call
    this.#options = options
    this.#pace = new BodyPace(options.limits)
    this.#settle = settle
    // A connection that closes stops its calls, and broken framing refuses them: no further listener is needed.
    call.request.on('data', (chunk: Uint8Array) => this.#take(chunk)).on('end', () => this.#end())
  }

  decodeWith(create: (handler: Parameters<typeof createBodyDecoder>[2]) => BodyDecoder): void {
    this.#decoder = create({
      onData: (chunk) => this.#keep(chunk),
      onRoom: () => this.#call.request.resume(),
      onEnd: () => this.#finish(),
      onFailure: (error) => this.fail(error),
    })
  }

  check(nowMs: number): void {
    if (!this.#call.request.complete && this.#pace.isTooSlow(nowMs))
      this.fail(new GatewayError('request_timeout', 'The body arrived too slowly.'))
  }

  stop(reason: StopReason): void {
    this.fail(stopError(reason))
  }

  fail(error: GatewayError): void {
    if (this.#isSettled) return
    this.#leave()
    this.#settle.reject(error)
  }

  #take(chunk: Uint8Array): void {
    if (this.#isSettled) return
    this.#pace.note(chunk.length)
    if (this.#decoder === undefined) this.#keep(chunk)
    else if (!this.#decoder.write(chunk)) this.#call.request.pause()
  }

  #end(): void {
    if (this.#isSettled) return
    if (this.#decoder === undefined) this.#finish()
    else this.#decoder.end()
  }

  #keep(chunk: Uint8Array): void {
    if (this.#isSettled) return
    this.#bytes += chunk.length
    if (this.#bytes > this.#options.bytesMax) return this.fail(tooLarge(this.#options.bytesMax))
    try {
      this.#options.hold(chunk.length)
    } catch (error) {
      return this.fail(toGatewayError(error))
    }
    this.#chunks.push(chunk)
  }

  #finish(): void {
    if (this.#isSettled) return
    const body = this.#joined()
    this.#leave()
    this.#settle.resolve(body)
  }

  #joined(): Uint8Array {
    const [first] = this.#chunks
    if (this.#chunks.length === 1 && first !== undefined) return first
    const body = Buffer.concat(this.#chunks, this.#bytes)
    for (const chunk of this.#chunks) releaseBytes(chunk)
    return body
  }

  #leave(): void {
    this.#isSettled = true
    this.#chunks = []
    this.#decoder?.destroy()
  }
}
