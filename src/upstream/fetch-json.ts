/** One GET whose answer is a JSON document, within a time and a size: for lists of models, never for inference. */

import { GatewayError } from '../errors/gateway-error.ts'
import type { Provider } from '../providers/provider.ts'
import { createTarget } from '../providers/target.ts'
import type { Clock } from '../std/clock.ts'
import { parseJson } from '../std/json.ts'
import type { Secret } from '../std/secret.ts'
import { nameOf } from './classify-failure.ts'
import type { Sender } from './send.ts'

export interface FetchDeps {
  readonly sender: Sender
  readonly clock: Clock
}

export interface FetchJsonRequest {
  readonly provider: Provider
  readonly credential?: Secret
  /** Below the base URL. */
  readonly path: string
  /** Over everything: connecting, headers and body. */
  readonly timeoutMs: number
  readonly bytesMax: number
  readonly signal?: AbortSignal
}

/** Throws GatewayError: as an attempt does, `upstream_timeout`, `response_too_large`, or `upstream_bad_response`. */
export async function fetchJson(deps: FetchDeps, request: FetchJsonRequest): Promise<unknown> {
  const { provider, credential, path, timeoutMs, bytesMax } = request
  using limit = new TimeLimit(deps.clock, request)
  const timers = { connectMs: timeoutMs, firstTokenMs: timeoutMs, idleMs: timeoutMs }
  const target = createTarget(provider, '', credential, timers)
  const response = await deps.sender.send({
    target,
    method: 'GET',
    path,
    headers: {},
    stream: false,
    signal: limit.signal,
  })
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body) {
    bytes += chunk.length
    if (bytes > bytesMax) {
      throw new GatewayError('response_too_large', `${nameOf(target)} sent more than ${bytesMax} bytes.`)
    }
    chunks.push(chunk)
  }
  const document = parseJson(Buffer.concat(chunks).toString())
  if (document !== undefined) return document
  throw new GatewayError('upstream_bad_response', `${nameOf(target)} sent something that is no JSON.`)
}

/** Aborts when the time is up or the caller leaves. */
class TimeLimit implements Disposable {
  readonly #controller = new AbortController()
  readonly #parent: AbortSignal | undefined
  readonly #onParentAbort = () => this.#controller.abort(this.#parent?.reason)
  readonly #timer

  constructor(clock: Clock, { provider, timeoutMs, signal }: FetchJsonRequest) {
    this.#parent = signal
    this.#timer = clock.after(timeoutMs, () => {
      const words = `did not answer within ${timeoutMs / 1_000} s`
      this.#controller.abort(new GatewayError('upstream_timeout', `${provider.name} ${words}.`))
    })
    if (signal?.aborted) this.#onParentAbort()
    else signal?.addEventListener('abort', this.#onParentAbort, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  [Symbol.dispose](): void {
    this.#timer.cancel()
    this.#parent?.removeEventListener('abort', this.#onParentAbort)
  }
}
