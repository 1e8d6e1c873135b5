/**
 * Lets a stream of this dialect through to a client of this dialect, reading quietly: whole events travel as the bytes
 * they came in, or as elements of the one array that a client without `alt=sse` reads. Left out are broken events and
 * errors, which are said in our words.
 */

import type { Usage } from '../../canonical/usage.ts'
import type { GatewayError } from '../../errors/gateway-error.ts'
import { joinSlices } from '../../wire/bytes.ts'
import type { ErrorContext, Passthrough, PassthroughOptions, StreamFacts } from '../dialect.ts'
import { frameOf, type StreamFrame } from './stream-frame.ts'
import { StreamWatch } from './stream-watch.ts'
import { writeUsage } from './usage.ts'
import { type WireEvent, WireEvents } from './wire-events.ts'
import { writeError } from './write-error.ts'

const NOTHING = new Uint8Array(0)

/** Usage is part of the responses, so there is none to hide. */
export class GeminiPassthrough implements Passthrough {
  readonly #wire = new WireEvents()
  readonly #watch: StreamWatch
  readonly #frame: StreamFrame
  readonly #keepsBytes: boolean

  constructor(options: PassthroughOptions) {
    this.#watch = new StreamWatch(this.#wire, {
      wanted: options.candidates,
      onState: (signature) => options.onState?.(signature),
      onText: options.onText && ((text) => options.onText?.(text)),
    })
    this.#frame = frameOf(options.streamForm)
    this.#keepsBytes = options.streamForm !== 'json-array'
  }

  read(chunk: Uint8Array): Uint8Array {
    return this.#passOn(this.#wire.read(chunk))
  }

  end(): Uint8Array {
    const rest = this.#passOn(this.#wire.end())
    this.#watch.end()
    const closing = this.#watch.isComplete ? this.#frame.close() : ''
    return closing === '' ? rest : Buffer.concat([rest, Buffer.from(closing)])
  }

  cutShort(usage: Usage): Uint8Array | undefined {
    const { unfinished, modelId, responseId } = this.#watch
    if (unfinished.length === 0) return undefined
    const candidates = unfinished.map((index) => ({
      content: { parts: [{ text: '' }], role: 'model' },
      finishReason: 'MAX_TOKENS',
      index,
    }))
    const last = { candidates, usageMetadata: writeUsage(usage), modelVersion: modelId, responseId }
    return Buffer.from(this.#frame.element(JSON.stringify(last)) + this.#frame.close())
  }

  get facts(): StreamFacts {
    return this.#watch
  }

  writeError(error: GatewayError, context: ErrorContext): string {
    return this.#frame.element(writeError(error, context)) + this.#frame.close()
  }

  #passOn(events: readonly WireEvent[]): Uint8Array {
    if (events.length === 0) return NOTHING
    const pieces: Uint8Array[] = []
    for (const event of events) {
      this.#watch.note(event)
      pieces.push(this.#framed(event))
    }
    return joinSlices(pieces)
  }

  #framed({ raw, data }: WireEvent): Uint8Array {
    return this.#keepsBytes && raw !== undefined ? raw : Buffer.from(this.#frame.element(data))
  }
}
