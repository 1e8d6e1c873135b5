/** One kept answer as bytes, item by item; what is wanted of it is read anew each time. */

import { type JsonObject, objectOf, parseJson } from '../std/json.ts'
import type { KeptItem, Owner, StoredResponse } from './stored-response.ts'

/** What an entry and each of its items take beside their bytes: objects, and their places in maps. */
const ENTRY_BYTES = 1_024
const ITEM_BYTES = 384

export class KeptEntry {
  readonly id: string
  readonly owner: Owner
  readonly previousId?: string
  readonly maker?: string
  readonly untilMs: number
  /** All it takes. */
  readonly bytes: number
  /** The items alone, as JSON. */
  readonly itemBytes: number
  readonly #answer: Item
  readonly #input: readonly Item[]
  readonly #output: readonly Item[]

  constructor(stored: StoredResponse, untilMs: number) {
    const { id, owner, previousId, maker, input, output } = stored
    this.id = id
    this.owner = owner
    if (previousId !== undefined) this.previousId = previousId
    if (maker !== undefined) this.maker = maker
    this.untilMs = untilMs
    const pointers = new Set<unknown>(stored.pointers)
    this.#answer = new Item(stored.answer)
    this.#input = input.map((item) => new Item(item, pointers.has(item['id']) ? undefined : item['id']))
    this.#output = output.map((item) => new Item(item, item['id']))
    const items = [...this.#input, ...this.#output]
    this.itemBytes = items.reduce((sum, item) => sum + item.bytes, 0)
    const idChars = items.reduce((sum, item) => sum + (item.id?.length ?? 0), id.length)
    this.bytes = ENTRY_BYTES + this.#answer.bytes + this.itemBytes + items.length * ITEM_BYTES + idChars * 2
  }

  get answer(): JsonObject {
    return this.#answer.read()
  }

  get input(): readonly JsonObject[] {
    return this.#input.map((item) => item.read())
  }

  get output(): readonly JsonObject[] {
    return this.#output.map((item) => item.read())
  }

  /** Its items by the ids under which they can be asked for; of several with one id, the last one counts. */
  *items(): Generator<readonly [string, KeptItem]> {
    for (const item of this.#input) if (item.id !== undefined) yield [item.id, item]
    for (const item of this.#output) if (item.id !== undefined) yield [item.id, item]
  }
}

class Item implements KeptItem {
  readonly id: string | undefined
  readonly #json: Buffer

  constructor(value: JsonObject, id?: unknown) {
    this.id = typeof id === 'string' ? id : undefined
    this.#json = Buffer.from(JSON.stringify(value))
  }

  get bytes(): number {
    return this.#json.length
  }

  read(): JsonObject {
    return objectOf(parseJson(this.#json.toString())) ?? {}
  }
}
