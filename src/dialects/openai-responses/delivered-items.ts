/** What a stream of this dialect has said of its response and of each item, read from the bytes that were delivered. */

import { isJsonObject, type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import type { SaidText } from './item-drafts.ts'
import { type WireEvent, WireEvents } from './wire-events.ts'

/** One part of a message's content. */
interface DeliveredContent {
  readonly pieces: string[]
  readonly annotations: JsonObject[]
  /** Its text was said in full. */
  text?: string
  /** It ended. */
  part?: JsonObject
}

/** A message that has not ended. */
export interface DeliveredMessage {
  readonly id: string
  readonly index: number
  readonly announced: JsonObject
  /** Parts that have ended, in order. */
  readonly whole: readonly JsonObject[]
  /** The last part, where it has not ended. */
  readonly open?: SaidText & { readonly isTextWhole: boolean }
}

interface DeliveredItem {
  readonly announced: JsonObject
  done?: JsonObject
  readonly content: Map<number, DeliveredContent>
}

export class DeliveredItems {
  /** As the response was announced. */
  response: JsonObject | undefined
  #lastNumber: number | undefined
  #count = 0
  readonly #items = new Map<number, DeliveredItem>()

  constructor(delivered: readonly Uint8Array[] = []) {
    const wire = new WireEvents()
    for (const chunk of delivered) for (const event of wire.read(chunk)) this.note(event)
  }

  get nextNumber(): number {
    return (this.#lastNumber ?? this.#count - 1) + 1
  }

  /** Items that have ended, by their place in the output; holes where there is something else. */
  get whole(): readonly (JsonObject | undefined)[] {
    const length = Math.max(-1, ...this.#items.keys()) + 1
    return Array.from({ length }, (_, index) => this.#items.get(index)?.done)
  }

  get callIds(): readonly string[] {
    return [...this.#items.values()].flatMap(({ announced }) => stringOf(announced['call_id']) ?? [])
  }

  /** The message that has not ended; `undefined` where there is none, `broken` where what is open can not be gone on with. */
  get open(): DeliveredMessage | 'broken' | undefined {
    const open = [...this.#items].filter(([, { done }]) => done === undefined)
    const [found] = open
    if (found === undefined) return undefined
    const [index, { announced, content }] = found
    const id = stringOf(announced['id'])
    if (open.length > 1 || announced['type'] !== 'message' || id === undefined) return 'broken'
    // A part that is added gets the number after theirs.
    if ([...content.keys()].some((at, place) => at !== place)) return 'broken'
    return messageOf({ id, index, announced }, [...content.values()])
  }

  note({ type, value }: WireEvent): void {
    this.#count += 1
    const { sequence_number: number } = value
    if (typeof number === 'number') this.#lastNumber = Math.max(number, this.#lastNumber ?? number)
    const response = objectOf(value['response'])
    if (response !== undefined) this.response ??= response
    const index = value['output_index']
    if (typeof index !== 'number') return
    if (type === 'response.output_item.added') this.#announce(index, objectOf(value['item']) ?? {})
    else if (type === 'response.output_item.done') this.#end(index, objectOf(value['item']) ?? {})
    else this.#noteContent(type, value, index)
  }

  #announce(index: number, announced: JsonObject): void {
    this.#items.set(index, { announced, content: new Map() })
  }

  #end(index: number, item: JsonObject): void {
    if (!this.#items.has(index)) this.#announce(index, item)
    const known = this.#items.get(index)
    if (known === undefined) return
    known.done = item
    known.content.clear()
  }

  #noteContent(type: string, value: JsonObject, index: number): void {
    const at = value['content_index']
    const item = this.#items.get(index)
    if (typeof at !== 'number' || item?.announced['type'] !== 'message') return
    const content = item.content.get(at) ?? { pieces: [], annotations: [] }
    item.content.set(at, content)
    const { delta, text, part, annotation } = value
    if (type === 'response.content_part.done' && isJsonObject(part)) content.part = part
    else if (type === 'response.output_text.done' && typeof text === 'string') content.text = text
    else if (type === 'response.output_text.delta' && typeof delta === 'string') content.pieces.push(delta)
    else if (type === 'response.output_text.annotation.added' && isJsonObject(annotation))
      content.annotations.push(annotation)
  }
}

function messageOf(
  item: Pick<DeliveredMessage, 'id' | 'index' | 'announced'>,
  content: readonly DeliveredContent[],
): DeliveredMessage | 'broken' {
  const whole = content.flatMap(({ part }) => (part === undefined ? [] : [part]))
  const last = content.at(-1)
  const openCount = content.length - whole.length
  if (openCount > 1 || (openCount === 1 && last?.part !== undefined)) return 'broken'
  if (last === undefined || last.part !== undefined) return { ...item, whole }
  const { pieces, text, annotations } = last
  const said = { text: text ?? pieces.join(''), annotations, isTextWhole: text !== undefined }
  return { ...item, whole, open: said }
}
