/** Reads a stream of this dialect into canonical events: one method an event kind, strange events tolerated. */

import type { InferenceEvent } from '../../canonical/event.ts'
import { isJsonObject, type JsonObject } from '../../std/json.ts'
import type { StreamReader } from '../dialect.ts'
import { readFinish } from './stop-reason.ts'
import { type OpenBlock, openBlock } from './stream-blocks.ts'
import { readUsage } from './usage.ts'
import { type WireMessage, WireMessages } from './wire-messages.ts'

type Events = readonly InferenceEvent[]

const NONE: Events = []

export function createStreamReader(): StreamReader {
  return new ConverseReader()
}

class ConverseReader implements StreamReader {
  readonly #wire = new WireMessages()
  readonly #open = new Map<number, OpenBlock>()
  #lastIndex = -1
  #partCount = 0
  #hasStarted = false
  #hasFinished = false
  #hasFailed = false

  get isComplete(): boolean {
    return this.#wire.isComplete
  }

  get isTerminated(): boolean {
    return this.#wire.isTerminated
  }

  get anomalies(): number {
    return this.#wire.anomalies
  }

  read(chunk: Uint8Array): Events {
    const events = this.#wire.read(chunk).flatMap((message) => this.#take(message))
    const { error } = this.#wire
    if (error === undefined || this.#hasFailed) return events
    this.#hasFailed = true
    return [...events, { type: 'error', error }]
  }

  /** A frame that the end cuts off said nothing. */
  end(): Events {
    return NONE
  }

  #take({ type, value }: WireMessage): Events {
    switch (type) {
      case 'messageStart':
        return this.#ensureStarted()
      case 'contentBlockStart':
        return this.#blockStart(value)
      case 'contentBlockDelta':
        return this.#blockDelta(value)
      case 'contentBlockStop':
        return this.#closeBlock(this.#indexOf(value))
      case 'messageStop':
        return this.#messageStop(value)
      case 'metadata':
        return isJsonObject(value['usage'])
          ? [{ type: 'usage-update', usage: readUsage(value['usage']) }]
          : NONE
      default:
        // Kinds that did not exist when this was written.
        return NONE
    }
  }

  /** A stream that lost its messageStart is still an answer. */
  #ensureStarted(): Events {
    if (this.#hasStarted) return NONE
    this.#hasStarted = true
    return [{ type: 'answer-start' }]
  }

  #blockStart(value: JsonObject): Events {
    const { start } = value
    if (!isJsonObject(start) || this.#hasFinished) return NONE
    const index =
      typeof value['contentBlockIndex'] === 'number' ? value['contentBlockIndex'] : this.#lastIndex + 1
    return [...this.#ensureStarted(), ...this.#closeBlock(index), ...this.#openAt(index, start).start()]
  }

  #openAt(index: number, told: JsonObject): OpenBlock {
    const opened = openBlock(told, this.#partCount)
    this.#partCount += 1
    this.#lastIndex = index
    this.#open.set(index, opened)
    return opened
  }

  /** Text has no start: its first delta opens it, and so does a delta of another kind than the block's. */
  #blockDelta(value: JsonObject): Events {
    const { delta } = value
    if (!isJsonObject(delta) || this.#hasFinished) return NONE
    const index = this.#indexOf(value)
    const known = this.#open.get(index)
    if (known?.takes(delta)) return known.add(delta)
    const before = [...this.#ensureStarted(), ...this.#closeBlock(index)]
    const opened = this.#openAt(index, delta)
    return [...before, ...opened.start(), ...opened.add(delta)]
  }

  /** An event that names no block means the one opened last. */
  #indexOf(value: JsonObject): number {
    return typeof value['contentBlockIndex'] === 'number'
      ? value['contentBlockIndex']
      : Math.max(0, this.#lastIndex)
  }

  #closeBlock(index: number): Events {
    const block = this.#open.get(index)
    if (block === undefined) return NONE
    this.#open.delete(index)
    return block.end()
  }

  #messageStop(value: JsonObject): Events {
    if (this.#hasFinished) return NONE
    this.#hasFinished = true
    const closed = [...this.#open.keys()].flatMap((index) => this.#closeBlock(index))
    const finish = readFinish(value) ?? { reason: 'other' }
    return [...this.#ensureStarted(), ...closed, { type: 'finish', candidate: 0, finish }]
  }
}
