/** Folds a raw stream of this dialect into the plain answer it amounts to; fields nobody knows are kept. */

import { isJsonObject, type JsonObject, numberOf } from '../../std/json.ts'
import type { Folder, StreamFacts } from '../dialect.ts'
import { impliedBlock, RawBlock } from './raw-block.ts'
import { StreamWatch } from './stream-facts.ts'
import { mergeUsage } from './usage.ts'
import { type WireEvent, WireEvents } from './wire-events.ts'

export function createFolder(): Folder {
  return new MessagesFolder()
}

class MessagesFolder implements Folder {
  readonly #events = new WireEvents()
  readonly #watch = new StreamWatch(this.#events)
  readonly #blocks: RawBlock[] = []
  readonly #blocksByIndex = new Map<number, RawBlock>()
  #message: JsonObject = {}
  #usage: JsonObject | undefined

  read(chunk: Uint8Array): void {
    this.#takeAll(this.#events.read(chunk))
  }

  end(): void {
    this.#takeAll(this.#events.end())
  }

  result(): Uint8Array {
    const message: JsonObject = {
      type: 'message',
      role: 'assistant',
      ...this.#message,
      content: this.#blocks.map((block) => block.value()),
      ...(this.#usage === undefined ? {} : { usage: this.#usage }),
    }
    return Buffer.from(JSON.stringify(message))
  }

  get facts(): StreamFacts {
    return this.#watch
  }

  #takeAll(events: readonly WireEvent[]): void {
    for (const event of events) {
      this.#watch.note(event)
      this.#take(event)
    }
  }

  #take({ type, value }: WireEvent): void {
    switch (type) {
      case 'message_start':
        return this.#start(value['message'])
      case 'content_block_start':
        this.#open(value['content_block'], value['index'])
        return
      case 'content_block_delta':
        return this.#extend(value)
      case 'message_delta':
        return this.#amend(value)
      default:
    }
  }

  #start(message: unknown): void {
    if (!isJsonObject(message)) return
    const { content, usage, ...rest } = message
    this.#message = rest
    this.#usage = mergeUsage(undefined, usage)
    if (!Array.isArray(content)) return
    for (const block of content) if (isJsonObject(block)) this.#blocks.push(new RawBlock(block))
  }

  #open(start: unknown, index: unknown): RawBlock | undefined {
    if (!isJsonObject(start)) return undefined
    const block = new RawBlock(start)
    this.#blocks.push(block)
    this.#blocksByIndex.set(numberOf(index) ?? this.#blocks.length - 1, block)
    return block
  }

  #extend({ delta, index }: JsonObject): void {
    if (!isJsonObject(delta)) return
    const known = typeof index === 'number' ? this.#blocksByIndex.get(index) : this.#blocks.at(-1)
    const block = known ?? this.#open(impliedBlock(delta), index)
    block?.add(delta)
  }

  /** What stands beside `delta` (context_management) stands at the top of a plain answer. */
  #amend(value: JsonObject): void {
    const { type: _type, delta, usage, ...beside } = value
    this.#message = { ...this.#message, ...beside, ...(isJsonObject(delta) ? delta : {}) }
    this.#usage = mergeUsage(this.#usage, usage)
  }
}
