/** The plain answer that a stream carries in its last event; where that leaves out the items, they are put back. */

import { isJsonObject, type JsonObject, objectOf } from '../../std/json.ts'
import { scanJsonObject } from '../../wire/json-scan.ts'
import type { WireEvent } from './wire-events.ts'

/** Items of one answer that are kept. */
const ITEMS_MAX = 4_096

export class WholeAnswer {
  readonly #items = new Map<number, JsonObject>()
  #last: WireEvent | undefined

  note(event: WireEvent): void {
    const { type, value } = event
    if (type === 'response.output_item.done') this.#noteItem(value)
    else if (type === 'response.completed' || type === 'response.incomplete' || type === 'response.done')
      this.#last = event
  }

  /** As JSON, the provider's own bytes where they are whole; `undefined` before the last event. */
  bytes(): Uint8Array | undefined {
    if (this.#last === undefined) return undefined
    const response = objectOf(this.#last.value['response']) ?? {}
    const { output } = response
    const isWhole = this.#items.size === 0 || (Array.isArray(output) && output.length > 0)
    if (isWhole) return ownBytes(this.#last) ?? Buffer.from(JSON.stringify(response))
    const items = [...this.#items].sort(([one], [other]) => one - other).map(([, item]) => item)
    return Buffer.from(JSON.stringify({ ...response, output: items }))
  }

  #noteItem({ item, output_index: index }: JsonObject): void {
    if (!isJsonObject(item) || this.#items.size >= ITEMS_MAX) return
    this.#items.set(typeof index === 'number' ? index : this.#items.size, item)
  }
}

/** The response object as it stands in the event, numbers spelled as they were. */
function ownBytes({ sse }: WireEvent): Uint8Array | undefined {
  if (sse === undefined) return undefined
  const data = Buffer.from(sse.data)
  try {
    const span = scanJsonObject(data).fields.get('response')
    return span === undefined ? undefined : data.subarray(span.start, span.end)
  } catch {
    // A key twice, say: JavaScript reads it, the scan does not.
    return undefined
  }
}
