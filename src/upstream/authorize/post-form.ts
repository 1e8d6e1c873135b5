/** One POST of a form whose answer is small, through the gateway's own transport: how tokens are asked for. */

import { GatewayError } from '../../errors/gateway-error.ts'
import { createTarget } from '../../providers/target.ts'
import type { Provider } from '../../providers/provider.ts'
import { CONNECT_MS } from '../../resilience/timers.ts'
import type { Clock } from '../../std/clock.ts'
import type { Transport, TransportCall, TransportFailure, TransportHandler } from '../../std/transport.ts'
import { classifyFailure } from '../classify-failure.ts'

/** Over everything: connecting, headers and body. */
export const FORM_TIMEOUT_MS = 10_000
/** Bytes of an answer. */
const ANSWER_BYTES_MAX = 65_536

export interface FormDeps {
  readonly transport: Transport
  readonly clock: Clock
  /** Whose requests wait for the answer. */
  readonly provider: Provider
}

export interface FormAnswer {
  readonly status: number
  readonly body: string
}

/** Rejects with a GatewayError, `upstream_unreachable` in nearly every case. */
export function postForm(
  deps: FormDeps,
  url: URL,
  form: Readonly<Record<string, string>>,
): Promise<FormAnswer> {
  return new Promise((resolve, reject) => {
    new FormCall(deps, { resolve, reject }).start(url, form)
  })
}

interface Settle {
  resolve(answer: FormAnswer): void
  reject(error: unknown): void
}

class FormCall implements TransportHandler {
  readonly #deps: FormDeps
  readonly #settle: Settle
  readonly #chunks: Uint8Array[] = []
  readonly #timer
  #call: TransportCall | undefined
  #status = 0
  #bytes = 0
  #isDone = false

  constructor(deps: FormDeps, settle: Settle) {
    this.#deps = deps
    this.#settle = settle
    this.#timer = deps.clock.after(FORM_TIMEOUT_MS, () => {
      this.#fail(unreachable(deps.provider, `did not answer within ${FORM_TIMEOUT_MS / 1_000} s`))
    })
  }

  start(url: URL, form: Readonly<Record<string, string>>): void {
    this.#call = this.#deps.transport.send(
      {
        origin: url.origin,
        path: url.pathname + url.search,
        method: 'POST',
        headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
        body: Buffer.from(new URLSearchParams(form).toString()),
        connectMs: CONNECT_MS,
      },
      this,
    )
    // A transport may fail before it returns; then nobody was there to close it.
    if (this.#isDone) this.#call.abort()
  }

  onSend(): void {}

  onHeaders(status: number): void {
    this.#status = status
  }

  onData(chunk: Uint8Array): void {
    this.#bytes += chunk.length
    // Copied: a transport may use its memory again.
    if (this.#bytes <= ANSWER_BYTES_MAX) this.#chunks.push(Uint8Array.from(chunk))
    else this.#fail(unreachable(this.#deps.provider, `sent more than ${ANSWER_BYTES_MAX} bytes`))
  }

  onEnd(): void {
    if (!this.#finish()) return
    this.#settle.resolve({ status: this.#status, body: Buffer.concat(this.#chunks).toString() })
  }

  onFailure(failure: TransportFailure): void {
    this.#fail(failureOf(failure, this.#deps.provider))
  }

  #fail(error: GatewayError): void {
    if (!this.#finish()) return
    this.#call?.abort()
    this.#settle.reject(error)
  }

  #finish(): boolean {
    if (this.#isDone) return false
    this.#isDone = true
    this.#timer.cancel()
    return true
  }
}

/** However the exchange broke, nothing of the client's request was sent: it is as if nobody had been there. */
function failureOf(failure: TransportFailure, provider: Provider): GatewayError {
  const service = createTarget({ ...provider, name: serviceName(provider) }, '')
  const error = classifyFailure(failure, service)
  const isOwn = error.row.health === 'none' || error.row.health === 'local-failure'
  return isOwn ? error : new GatewayError('upstream_unreachable', error.message, {}, error.cause)
}

export function unreachable(provider: Provider, what: string): GatewayError {
  return new GatewayError('upstream_unreachable', `${serviceName(provider)} ${what}.`)
}

function serviceName({ name }: Provider): string {
  return `The token service for ${name}`
}
