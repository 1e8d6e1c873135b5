/** What can be said of a stream by looking at its events as they pass: the quiet reading of passthrough and folder. */

import type { Finish } from '../../canonical/finish.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, parseJson, stringOf } from '../../std/json.ts'
import type { StreamFacts } from '../dialect.ts'
import { isContentBlock } from './raw-block.ts'
import { readFinish } from './stop-reason.ts'
import { mergeUsage, readUsage, usageAtStart } from './usage.ts'
import type { WireEvent, WireEvents } from './wire-events.ts'

export class StreamWatch implements StreamFacts {
  readonly #events: WireEvents
  #hasContent = false
  #finish: Finish | undefined
  #usage: JsonObject | undefined
  /** Searches that began; the last usage tells how many are billed. */
  #searches = 0
  #modelId: string | undefined
  /** The arguments so far of the tool calls that are open, by index. */
  readonly #toolInputs = new Map<unknown, string[]>()
  #hasMalformedToolCall = false
  readonly #openBlocks = new Set<number>()
  readonly #onText: ((text: string) => void) | undefined

  constructor(events: WireEvents, onText?: (text: string) => void) {
    this.#events = events
    this.#onText = onText
  }

  note({ type, value }: WireEvent): void {
    switch (type) {
      case 'content_block_delta':
        if (!this.#hasContent) this.#hasContent = isContentDelta(value['delta'])
        if (this.#toolInputs.size > 0) this.#noteInput(value)
        if (this.#onText !== undefined) tellText(value['delta'], this.#onText)
        return
      case 'content_block_start':
        return this.#noteBlock(value)
      case 'content_block_stop':
        return this.#noteStop(value['index'])
      case 'message_start':
        return this.#noteStart(value['message'])
      case 'message_delta':
        return this.#noteDelta(value)
      default:
    }
  }

  get hasContent(): boolean {
    return this.#hasContent
  }

  /** The indexes of blocks that have begun and not ended. */
  get openBlocks(): readonly number[] {
    return [...this.#openBlocks]
  }

  get isComplete(): boolean {
    return this.#events.isComplete
  }

  get isInToolCall(): boolean {
    return this.#toolInputs.size > 0 && !this.isComplete
  }

  get isTerminated(): boolean {
    return this.#events.isTerminated
  }

  get anomalies(): number {
    return this.#events.anomalies
  }

  get error(): GatewayError | undefined {
    return this.#events.error
  }

  get finish(): Finish | undefined {
    return this.#finish
  }

  get usage(): Usage | undefined {
    if (this.#usage === undefined) return undefined
    const usage = readUsage(this.#usage)
    const { server_tool_use: told } = this.#usage
    const isTold = this.#finish !== undefined && isJsonObject(told)
    if (isTold || this.#searches === 0) return usage
    return { ...usage, searches: Math.max(this.#searches, usage.searches ?? 0) }
  }

  get modelId(): string | undefined {
    return this.#modelId
  }

  get hasMalformedToolCall(): boolean {
    return this.#hasMalformedToolCall
  }

  #noteBlock({ content_block: block, index }: JsonObject): void {
    if (!this.#hasContent) this.#hasContent = startsContent(block)
    if (typeof index === 'number') this.#openBlocks.add(index)
    if (!isJsonObject(block)) return
    if (block['type'] === 'tool_use') this.#toolInputs.set(index, [])
    if (block['type'] === 'server_tool_use' && block['name'] === 'web_search') this.#searches += 1
  }

  #noteInput({ delta, index }: JsonObject): void {
    const piece = isJsonObject(delta) ? delta['partial_json'] : undefined
    if (typeof piece === 'string') this.#toolInputs.get(index)?.push(piece)
  }

  /** Arguments are judged only when their block ends: a prefix that parses proves nothing. */
  #noteStop(index: unknown): void {
    if (typeof index === 'number') this.#openBlocks.delete(index)
    const text = this.#toolInputs.get(index)?.join('')
    this.#toolInputs.delete(index)
    if (text && parseJson(text) === undefined) this.#hasMalformedToolCall = true
  }

  #noteStart(message: unknown): void {
    if (!isJsonObject(message)) return
    this.#modelId = stringOf(message['model'])
    this.#usage = mergeUsage(this.#usage, usageAtStart(message['usage']))
  }

  #noteDelta(value: JsonObject): void {
    const { delta, usage } = value
    if (isJsonObject(delta)) this.#finish ??= readFinish(delta)
    this.#usage = mergeUsage(this.#usage, usage)
  }
}

function tellText(delta: unknown, tell: (text: string) => void): void {
  if (!isJsonObject(delta)) return
  const text = delta['text'] ?? delta['thinking'] ?? delta['partial_json']
  if (typeof text === 'string') tell(text)
}

function startsContent(block: unknown): boolean {
  if (isContentBlock(block)) return true
  return isJsonObject(block) && (isText(block['text']) || isText(block['thinking']))
}

function isContentDelta(delta: unknown): boolean {
  if (!isJsonObject(delta)) return false
  return isText(delta['text']) || isText(delta['thinking']) || isText(delta['signature'])
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
