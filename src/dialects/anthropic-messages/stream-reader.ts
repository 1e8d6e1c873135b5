/** Reads a stream of this dialect into canonical events: one method an event kind, strange events tolerated. */

import type { InferenceEvent } from '../../canonical/event.ts'
import { isJsonObject, type JsonObject, stringOf } from '../../std/json.ts'
import type { StreamReader } from '../dialect.ts'
import { unknownFields } from './message-fields.ts'
import { impliedBlock } from './raw-block.ts'
import { type OpenBlock, openBlock } from './stream-blocks.ts'
import { readFinish } from './stop-reason.ts'
import { mergeUsage, readUsage, usageAtStart } from './usage.ts'
import { type WireEvent, WireEvents } from './wire-events.ts'

type Events = readonly InferenceEvent[]

const NONE: Events = []

export function createStreamReader(): StreamReader {
  return new MessagesReader()
}

class MessagesReader implements StreamReader {
  readonly #wire = new WireEvents()
  readonly #open = new Map<number, OpenBlock>()
  #lastIndex = -1
  #partCount = 0
  #responseId: string | undefined
  #usage: JsonObject | undefined
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
    return this.#tell(this.#wire.read(chunk))
  }

  end(): Events {
    return this.#tell(this.#wire.end())
  }

  #tell(wireEvents: readonly WireEvent[]): Events {
    const events: InferenceEvent[] = []
    for (const event of wireEvents) events.push(...this.#take(event))
    const { error } = this.#wire
    if (error !== undefined && !this.#hasFailed) {
      this.#hasFailed = true
      events.push({ type: 'error', error })
    }
    return events
  }

  #take({ type, value }: WireEvent): Events {
    switch (type) {
      case 'message_start':
        return this.#messageStart(value)
      case 'content_block_start':
        return this.#blockStart(value)
      case 'content_block_delta':
        return this.#blockDelta(value)
      case 'content_block_stop':
        return this.#closeBlock(this.#indexOf(value))
      case 'message_delta':
        return this.#messageDelta(value)
      case 'message_stop':
        return this.#messageStop()
      default:
        // Pings, and kinds that did not exist when this was written.
        return NONE
    }
  }

  #messageStart(value: JsonObject): Events {
    const message = isJsonObject(value['message']) ? value['message'] : {}
    this.#responseId = stringOf(message['id'])
    const modelId = stringOf(message['model'])
    const raw = unknownFields(message)
    const start: InferenceEvent = {
      type: 'answer-start',
      ...(this.#responseId === undefined ? {} : { responseId: this.#responseId }),
      ...(modelId === undefined ? {} : { modelId }),
      ...(raw === undefined ? {} : { raw }),
    }
    this.#hasStarted = true
    return [start, ...this.#usageUpdate(usageAtStart(message['usage']))]
  }

  /** A stream that lost its message_start is still an answer. */
  #ensureStarted(): Events {
    if (this.#hasStarted) return NONE
    this.#hasStarted = true
    return [{ type: 'answer-start' }]
  }

  #blockStart(value: JsonObject): Events {
    const block = value['content_block']
    if (!isJsonObject(block) || this.#hasFinished) return NONE
    const index = typeof value['index'] === 'number' ? value['index'] : this.#lastIndex + 1
    return [...this.#ensureStarted(), ...this.#closeBlock(index), ...this.#openAt(index, block).start()]
  }

  #openAt(index: number, block: JsonObject): OpenBlock {
    const part = this.#partCount
    const opened = openBlock(block, { part, fallbackId: `toolu_${this.#responseId ?? 'unnamed'}_${part}` })
    this.#partCount += 1
    this.#lastIndex = index
    this.#open.set(index, opened)
    return opened
  }

  #blockDelta(value: JsonObject): Events {
    const { delta } = value
    if (!isJsonObject(delta) || this.#hasFinished) return NONE
    const index = this.#indexOf(value)
    const known = this.#open.get(index)
    if (known) return known.add(delta)
    const implied = impliedBlock(delta)
    if (implied === undefined) return NONE
    const opened = this.#openAt(index, implied)
    return [...this.#ensureStarted(), ...opened.start(), ...opened.add(delta)]
  }

  /** An event that names no block means the one opened last. */
  #indexOf(value: JsonObject): number {
    return typeof value['index'] === 'number' ? value['index'] : this.#lastIndex
  }

  #closeBlock(index: number): Events {
    const block = this.#open.get(index)
    if (block === undefined) return NONE
    this.#open.delete(index)
    return block.end()
  }

  #closeAll(): Events {
    return [...this.#open.keys()].flatMap((index) => this.#closeBlock(index))
  }

  #messageDelta(value: JsonObject): Events {
    const { delta, usage } = value
    const finish = isJsonObject(delta) ? readFinish(delta) : undefined
    if (finish === undefined || this.#hasFinished) return this.#usageUpdate(usage)
    this.#hasFinished = true
    return [
      ...this.#ensureStarted(),
      ...this.#closeAll(),
      ...this.#usageUpdate(usage),
      { type: 'finish', candidate: 0, finish },
    ]
  }

  /** The end without a reason given is an end nevertheless. */
  #messageStop(): Events {
    if (this.#hasFinished) return NONE
    this.#hasFinished = true
    return [
      ...this.#ensureStarted(),
      ...this.#closeAll(),
      { type: 'finish', candidate: 0, finish: { reason: 'other' } },
    ]
  }

  #usageUpdate(usage: unknown): Events {
    if (!isJsonObject(usage)) return NONE
    const merged = mergeUsage(this.#usage, usage) ?? usage
    this.#usage = merged
    return [{ type: 'usage-update', usage: readUsage(merged) }]
  }
}
