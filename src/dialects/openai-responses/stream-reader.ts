/** Reads a stream of this dialect as events. What was said in deltas and is repeated at the end is said once. */

import type { InferenceEvent } from '../../canonical/event.ts'
import { arrayOf, isJsonObject, type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import type { StreamReader } from '../dialect.ts'
import { startOf } from './answer-fields.ts'
import type { ItemReader, ItemSurroundings } from './item-reader.ts'
import { openItem } from './open-item.ts'
import { missingWords } from './read-failure.ts'
import { readFinish } from './read-finish.ts'
import { isSearch, usageOf } from './usage.ts'
import { type WireEvent, WireEvents } from './wire-events.ts'

/** Items of one answer that are read; what comes beyond is dropped and counted. */
export const ITEMS_MAX = 4_096

export class ResponsesStreamReader implements StreamReader, ItemSurroundings {
  readonly #wire = new WireEvents()
  /** In order of appearance. */
  readonly #items: ItemReader[] = []
  readonly #byIndex = new Map<number, ItemReader>()
  #events: InferenceEvent[] = []
  #partCount = 0
  #isStarted = false
  #hasFailed = false
  /** What was said cannot be true: nothing after it is read, though an error of the stream may lie further on. */
  #isContradicted = false
  #searches = 0

  get isComplete(): boolean {
    return this.#wire.isTerminated && !this.#hasFailed
  }

  get isTerminated(): boolean {
    return this.isComplete
  }

  get anomalies(): number {
    return this.#wire.anomalies
  }

  read(chunk: Uint8Array): readonly InferenceEvent[] {
    return this.#tell(this.#wire.read(chunk))
  }

  end(): readonly InferenceEvent[] {
    return this.#tell(this.#wire.end())
  }

  emit(event: InferenceEvent): void {
    this.#events.push(event)
  }

  nextPart(): number {
    this.#partCount += 1
    return this.#partCount - 1
  }

  /**
   * Fault 82: words lost in a gap whose successors have been said cannot be put in their place any more. Without a gap
   * the difference is the provider's own: some polish their texts at the end.
   */
  contradicted(): void {
    this.#wire.anomaly()
    if (!this.#wire.hasGap) return
    this.#isContradicted = true
    this.#wire.fail(missingWords())
  }

  #tell(wireEvents: readonly WireEvent[]): readonly InferenceEvent[] {
    for (const event of wireEvents) if (!this.#hasFailed) this.#take(event)
    if (!this.#hasFailed) this.#noteFailure()
    const events = this.#events
    if (events.length > 0) this.#events = []
    return events
  }

  #noteFailure(): void {
    const { error } = this.#wire
    if (error === undefined) return
    this.#hasFailed = true
    this.emit({ type: 'error', error })
  }

  #take({ type, value }: WireEvent): void {
    switch (type) {
      case 'response.created':
      case 'response.in_progress':
      case 'response.queued':
        return this.#start(objectOf(value['response']) ?? {})
      case 'response.output_item.added':
        this.#addItem(value)
        return
      case 'response.output_item.done':
        return this.#endItem(value)
      case 'response.completed':
      case 'response.incomplete':
      case 'response.done':
        return this.#finish(objectOf(value['response']) ?? {})
      default:
        return this.#itemEvent(type, value)
    }
  }

  /** The first that names the response begins the answer. */
  #start(response: JsonObject): void {
    if (this.#isStarted) return
    this.#isStarted = true
    this.emit({ type: 'answer-start', ...startOf(response) })
  }

  #addItem(value: JsonObject): ItemReader | undefined {
    const { item, output_index: index } = value
    if (!isJsonObject(item)) return undefined
    this.#start({})
    if (this.#items.length >= ITEMS_MAX) {
      this.#wire.anomaly()
      return undefined
    }
    const opened = openItem(item, this)
    this.#items.push(opened)
    if (typeof index === 'number') this.#byIndex.set(index, opened)
    return opened
  }

  #endItem(value: JsonObject): void {
    const { item } = value
    if (!isJsonObject(item)) return
    if (isSearch(item)) this.#searches += 1
    const known = this.#itemOf(value, stringOf(item['id']), stringOf(item['type']))
    const reader = known ?? this.#addItem(value)
    reader?.done(item)
    if (this.#isContradicted) this.#noteFailure()
  }

  /** Events of kinds that say nothing of an item's words (searching, generating) end here. */
  #itemEvent(type: string, value: JsonObject): void {
    const known = this.#itemOf(value, stringOf(value['item_id']), undefined)
    const implied = known === undefined ? impliedItem(type, value) : undefined
    const item = known ?? (implied === undefined ? undefined : this.#addItem({ ...value, item: implied }))
    item?.read(type, value)
    if (this.#isContradicted) this.#noteFailure()
  }

  /** By number; else by id; else the last that is open, where neither is said. Some servers change an item's id. */
  #itemOf(value: JsonObject, id: string | undefined, type: string | undefined): ItemReader | undefined {
    const { output_index: index } = value
    if (typeof index === 'number') {
      const found = this.#byIndex.get(index)
      if (found !== undefined) return found
    }
    if (id) {
      const found = this.#items.find((item) => item.id === id)
      if (found !== undefined) return found
    }
    if (typeof index === 'number') return undefined
    const last = this.#items.at(-1)
    const isOpen = last !== undefined && !last.isDone
    return isOpen && (type === undefined || type === last.type) ? last : undefined
  }

  #finish(response: JsonObject): void {
    this.#start(response)
    this.#readOutput(arrayOf(response['output']).filter(isJsonObject))
    for (const item of this.#items) if (!item.isDone) item.close()
    if (this.#wire.error !== undefined) return this.#noteFailure()
    const usage = usageOf(response, this.#searches)
    if (usage !== undefined) this.emit({ type: 'usage-update', usage })
    const finish = readFinish(response, this.#items.some(isCall)) ?? { reason: 'other' as const }
    this.emit({ type: 'finish', candidate: 0, finish })
  }

  /** The last event repeats every item: those that never came are read from here, by id or else by their order. */
  #readOutput(output: readonly JsonObject[]): void {
    const unmatched = [...this.#items]
    for (const item of output) {
      const id = stringOf(item['id'])
      const byId = unmatched.findIndex((known) => id !== undefined && known.id === id)
      const at = byId >= 0 ? byId : unmatched.findIndex((known) => known.type === item['type'])
      const [known] = at < 0 ? [] : unmatched.splice(at, 1)
      const reader = known ?? this.#addItem({ item })
      if (reader !== undefined && !reader.isDone) reader.done(item)
    }
  }
}

function isCall({ type }: ItemReader): boolean {
  return type === 'function_call' || type === 'custom_tool_call'
}

/** Words whose item was never announced are a message, or reasoning, nevertheless. */
function impliedItem(type: string, { item_id: id }: JsonObject): JsonObject | undefined {
  const named = typeof id === 'string' ? { id } : {}
  if (type === 'response.output_text.delta' || type === 'response.refusal.delta')
    return { type: 'message', ...named }
  if (type === 'response.reasoning_summary_text.delta' || type === 'response.reasoning_text.delta')
    return { type: 'reasoning', ...named }
  return undefined
}
