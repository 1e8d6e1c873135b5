/** An item of an answer that only this dialect can say. */

import { type JsonObject, stringOf } from '../../std/json.ts'
import { DIALECT } from './fields.ts'
import type { ItemReader, ItemSurroundings } from './item-reader.ts'

/** What only this dialect can say: whole at its end. */
export class OpaqueReader implements ItemReader {
  readonly type: string
  readonly id: string
  isDone = false
  readonly #around: ItemSurroundings
  readonly #part: number
  readonly #item: JsonObject

  constructor(item: JsonObject, around: ItemSurroundings) {
    this.type = stringOf(item['type']) ?? ''
    this.id = stringOf(item['id']) ?? ''
    this.#around = around
    this.#part = around.nextPart()
    this.#item = item
  }

  read(): void {}

  done(item: JsonObject): void {
    if (this.isDone) return
    this.isDone = true
    this.#around.emit({ type: 'opaque', candidate: 0, part: this.#part, dialect: DIALECT, value: item })
  }

  close(): void {
    this.done(this.#item)
  }
}
