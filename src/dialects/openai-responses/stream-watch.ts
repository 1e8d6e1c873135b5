/** What can be said of a stream by looking at its events as they pass: the quiet reading of passthrough and folder. */

import type { Finish } from '../../canonical/finish.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { GatewayError } from '../../errors/gateway-error.ts'
import { arrayOf, isJsonObject, type JsonObject, objectOf, parseJson, stringOf } from '../../std/json.ts'
import type { StreamFacts } from '../dialect.ts'
import { readFinish } from './read-finish.ts'
import { reasoningTexts } from './read-item.ts'
import { isSearch, usageOf } from './usage.ts'
import type { WireEvent, WireEvents } from './wire-events.ts'

export class StreamWatch implements StreamFacts {
  readonly #wire: WireEvents
  readonly #onState: ((signature: string) => void) | undefined
  readonly #onText: ((text: string) => void) | undefined
  #hasContent = false
  #hasCalls = false
  /** The places of calls that are not whole. */
  readonly #openCalls = new Set<unknown>()
  #modelId: string | undefined
  #last: JsonObject | undefined
  #searches = 0
  #hasMalformedToolCall = false
  /** The response as it was announced. */
  announced: JsonObject | undefined

  constructor(
    wire: WireEvents,
    {
      onState,
      onText,
    }: { onState?: (signature: string) => void; onText?: ((text: string) => void) | undefined } = {},
  ) {
    this.#wire = wire
    this.#onState = onState
    this.#onText = onText
  }

  note({ type, value }: WireEvent): void {
    switch (type) {
      case 'response.output_item.added':
        return this.#noteBegun(value)
      case 'response.output_item.done':
        this.#openCalls.delete(value['output_index'])
        return this.#noteDone(objectOf(value['item']) ?? {})
      case 'response.created':
      case 'response.in_progress':
      case 'response.queued':
        return this.#noteResponse(objectOf(value['response']) ?? {})
      case 'response.completed':
      case 'response.incomplete':
      case 'response.done':
        return this.#noteLast(objectOf(value['response']) ?? {})
      default:
        if (!this.#hasContent) this.#hasContent = isText(value['delta'])
        if (this.#onText !== undefined && WRITTEN.has(type)) this.#onText(stringOf(value['delta']) ?? '')
    }
  }

  get hasContent(): boolean {
    return this.#hasContent
  }

  get isComplete(): boolean {
    return this.#wire.isTerminated
  }

  get isInToolCall(): boolean {
    return this.#openCalls.size > 0 && !this.isComplete
  }

  get isTerminated(): boolean {
    return this.#wire.isTerminated
  }

  get anomalies(): number {
    return this.#wire.anomalies
  }

  get error(): GatewayError | undefined {
    return this.#wire.error
  }

  get finish(): Finish | undefined {
    return this.#last === undefined
      ? undefined
      : (readFinish(this.#last, this.#hasCalls) ?? { reason: 'other' })
  }

  get usage(): Usage | undefined {
    if (this.#last !== undefined) return usageOf(this.#last, this.#searches)
    return this.#searches === 0 ? undefined : { searches: this.#searches }
  }

  get modelId(): string | undefined {
    return this.#modelId
  }

  get hasMalformedToolCall(): boolean {
    return this.#hasMalformedToolCall
  }

  #noteResponse(response: JsonObject): void {
    this.announced ??= response
    this.#modelId ??= stringOf(response['model'])
  }

  #noteBegun({ item, output_index: index }: JsonObject): void {
    const added = objectOf(item) ?? {}
    if (isCall(added['type'])) this.#openCalls.add(index)
    this.#noteAdded(added)
  }

  #noteAdded({ type }: JsonObject): void {
    if (type !== 'message' && type !== 'reasoning') this.#hasContent = true
    if (isCall(type)) this.#hasCalls = true
  }

  #noteDone(item: JsonObject): void {
    const { type } = item
    if (isCall(type)) this.#noteCall(item)
    if (isSearch(item)) this.#searches += 1
    const encrypted = stringOf(item['encrypted_content'])
    if (encrypted) this.#onState?.(encrypted)
    if (!this.#hasContent) this.#hasContent = isContentItem(item)
  }

  #noteCall({ type, arguments: text }: JsonObject): void {
    this.#hasCalls = true
    if (type !== 'function_call' || !isText(text)) return
    if (typeof text === 'string' && parseJson(text) === undefined) this.#hasMalformedToolCall = true
  }

  /** What the items before did not say is said by the last event. */
  #noteLast(response: JsonObject): void {
    this.#noteResponse(response)
    this.#last = response
    for (const item of arrayOf(response['output'])) {
      if (!isJsonObject(item)) continue
      this.#noteAdded(item)
      if (!this.#hasContent) this.#hasContent = isContentItem(item)
    }
  }
}

/** Events whose `delta` the model wrote. */
const WRITTEN: ReadonlySet<string> = new Set([
  'response.output_text.delta',
  'response.refusal.delta',
  'response.reasoning_text.delta',
  'response.reasoning_summary_text.delta',
  'response.function_call_arguments.delta',
  'response.custom_tool_call_input.delta',
])

/** A message without words and reasoning without a proof are nothing that a client can see. */
function isContentItem(item: JsonObject): boolean {
  switch (item['type']) {
    case 'message':
      return arrayOf(item['content']).some(
        (part) => isJsonObject(part) && (isText(part['text']) || isText(part['refusal'])),
      )
    case 'reasoning':
      return isText(item['encrypted_content']) || reasoningTexts(item).some(isText)
    default:
      return true
  }
}

function isCall(type: unknown): boolean {
  return type === 'function_call' || type === 'custom_tool_call'
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
