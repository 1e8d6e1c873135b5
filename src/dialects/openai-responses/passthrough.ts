/**
 * Lets a stream of this dialect through to a client of this dialect, reading quietly: whole events travel as the bytes
 * they came in. Left out are broken events, what comes after the end, and errors, which are said in our words.
 */

import { unfold } from '../../canonical/unfold.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { GatewayError } from '../../errors/gateway-error.ts'
import { type JsonObject, numberOf, objectOf, stringOf } from '../../std/json.ts'
import { joinSlices } from '../../wire/bytes.ts'
import { encodeSse } from '../../wire/sse.ts'
import type { ErrorContext, Passthrough, PassthroughOptions, StreamFacts } from '../dialect.ts'
import { failedEvent, failedResponse } from './answer-error.ts'
import { DeliveredItems } from './delivered-items.ts'
import { GapCheck } from './gap-check.ts'
import { missingWords } from './read-failure.ts'
import { resultOf } from './read-result.ts'
import { beginResponse } from './response-object.ts'
import { StreamWatch } from './stream-watch.ts'
import { ResponsesStreamWriter } from './stream-writer.ts'
import { WholeAnswer } from './whole-answer.ts'
import { type WireEvent, WireEvents } from './wire-events.ts'
import { responseIdOf } from './write-error.ts'

/** Characters of an answer that are kept, so that it can be ended: its end says all of it once more. A longer one ends with an error. */
const KEPT_CHARS_MAX = 1_048_576

/** Usage is part of the last event, so there is none to hide. */
export class ResponsesPassthrough implements Passthrough {
  readonly #wire = new WireEvents()
  readonly #watch: StreamWatch
  readonly #whole: WholeAnswer | undefined
  readonly #options: PassthroughOptions
  readonly #gaps = new GapCheck()
  /** What was said so far, where the stream may have to be ended; dropped where it is too much. */
  #said: DeliveredItems | undefined
  #saidChars = 0
  #isToldWhole = false
  #isLossy = false

  constructor(options: PassthroughOptions) {
    this.#options = options
    this.#watch = new StreamWatch(this.#wire, {
      onState: (signature) => options.onState?.(signature),
      onText: options.onText && ((text) => this.#noteText(text)),
    })
    if (options.onText !== undefined) this.#said = new DeliveredItems()
    this.#whole = options.onWhole === undefined ? undefined : new WholeAnswer()
  }

  read(chunk: Uint8Array): Uint8Array {
    return this.#passOn(this.#wire.read(chunk))
  }

  /** A last event that never came is never added: without it the answer is not whole. */
  end(): Uint8Array {
    return this.#passOn(this.#wire.end())
  }

  cutShort(usage: Usage): Uint8Array | undefined {
    const items = this.#said
    const message = items?.open
    // Reasoning is ended with a proof of it that nobody else can make.
    if (items?.response === undefined || message === 'broken') return undefined
    const openText = message?.open?.isTextWhole === false ? 0 : undefined
    const writer = new ResponsesStreamWriter(
      { responseId: '', modelId: '', createdAtS: 0, wantsUsage: true },
      { items, message, openText },
    )
    const events = [
      ...(openText === undefined ? [] : [{ type: 'text-end', candidate: 0, part: openText } as const]),
      { type: 'usage-update', usage } as const,
      { type: 'finish', candidate: 0, finish: { reason: 'length' } } as const,
    ]
    return Buffer.from(events.map((event) => writer.write(event)).join('') + writer.end())
  }

  #noteText(text: string): void {
    this.#options.onText?.(text)
    this.#saidChars += text.length
    if (this.#saidChars > KEPT_CHARS_MAX) this.#said = undefined
  }

  get facts(): StreamFacts {
    return this.#watch
  }

  writeError(error: GatewayError, context: ErrorContext): string {
    const number = (this.#wire.lastNumber ?? -1) + 1
    const { announced } = this.#watch
    if (announced !== undefined) return failedEvent(failedResponse(announced, error, context), number)
    const response = beginResponse({
      id: responseIdOf(context.requestId),
      modelId: '',
      createdAtS: 0,
      echo: {},
    })
    const created = { type: 'response.created', response, sequence_number: number }
    return (
      encodeSse(JSON.stringify(created), created.type) +
      failedEvent(failedResponse(response, error, context), number + 1)
    )
  }

  #passOn(events: readonly WireEvent[]): Uint8Array {
    const passed: Uint8Array[] = []
    for (const event of events) {
      if (this.#hasLostWords(event)) break
      this.#watch.note(event)
      this.#said?.note(event)
      this.#whole?.note(event)
      passed.push(this.#framed(event))
    }
    this.#tellWhole()
    return joinSlices(passed)
  }

  /** Once words are known to be missing nothing follows. */
  #hasLostWords(event: WireEvent): boolean {
    if (this.#isLossy) return true
    if (!this.#gaps.hasLostWords(event)) return false
    this.#isLossy = true
    this.#wire.fail(missingWords())
    return true
  }

  #tellWhole(): void {
    if (this.#isToldWhole || this.#isLossy || !this.#wire.isTerminated) return
    this.#isToldWhole = true
    const whole = this.#whole?.bytes()
    if (whole !== undefined) this.#options.onWhole?.(whole)
  }

  /** Clients of this dialect go by the event line, so an event that lacks it gets it. */
  #framed({ type, sse, value }: WireEvent): Uint8Array {
    if (sse === undefined) return Buffer.from(streamOf(objectOf(value['response']) ?? {}))
    if (sse.name !== 'message' || type === 'message') return sse.raw
    const line = `event: ${type.replaceAll(/[\r\n]/g, ' ')}\n`
    return Buffer.concat([Buffer.from(line), sse.raw])
  }
}

/** A plain answer's bytes are no event: it is said again as a stream. */
function streamOf(response: JsonObject): string {
  const writer = new ResponsesStreamWriter({
    responseId: stringOf(response['id']) ?? 'resp_0',
    modelId: stringOf(response['model']) ?? '',
    createdAtS: numberOf(response['created_at']) ?? 0,
    wantsUsage: true,
  })
  const events = unfold(resultOf(response))
  return events.map((event) => writer.write(event)).join('') + writer.end()
}
