/** A call of an answer as it grows, of a tool that the client runs. */

import { type JsonObject, parseJson, stringOf } from '../../std/json.ts'
import type { ItemReader, ItemSurroundings } from './item-reader.ts'
import { argumentsText } from './read-item.ts'
import { SaidText } from './said-text.ts'

/** A call of a tool that the client runs. */
export class CallReader implements ItemReader {
  readonly type: string
  readonly id: string
  isDone = false
  readonly #around: ItemSurroundings
  readonly #part: number
  readonly #isCustom: boolean
  readonly #said = new SaidText()

  constructor(item: JsonObject, around: ItemSurroundings) {
    this.id = stringOf(item['id']) ?? ''
    this.#isCustom = item['type'] === 'custom_tool_call'
    this.type = this.#isCustom ? 'custom_tool_call' : 'function_call'
    this.#around = around
    this.#part = around.nextPart()
    around.emit({
      type: 'tool-call-start',
      candidate: 0,
      part: this.#part,
      id: stringOf(item['call_id']) || this.id || `call_${this.#part}`,
      name: stringOf(item['name']) ?? '',
      ...(this.#isCustom ? { kind: 'custom' as const } : {}),
    })
  }

  read(type: string, event: JsonObject): void {
    switch (type) {
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta':
        return this.#grow(event['delta'])
      case 'response.function_call_arguments.done':
        return this.#settle(argumentsText(event['arguments']))
      case 'response.custom_tool_call_input.done':
        return this.#settle(argumentsText(event['input']))
      default:
    }
  }

  done(item: JsonObject): void {
    if (this.isDone) return
    this.#settle(argumentsText(this.#isCustom ? item['input'] : item['arguments']))
    this.close()
  }

  close(): void {
    if (this.isDone) return
    this.isDone = true
    const { text } = this.#said
    const isMalformed = !this.#isCustom && text !== '' && parseJson(text) === undefined
    const mark = isMalformed ? { isMalformed } : {}
    this.#around.emit({ type: 'tool-call-end', candidate: 0, part: this.#part, ...mark })
  }

  #grow(delta: unknown): void {
    if (typeof delta !== 'string' || delta === '') return
    this.#said.add(delta)
    this.#around.emit({ type: 'tool-call-delta', candidate: 0, part: this.#part, argumentsDelta: delta })
  }

  #settle(whole: string): void {
    if (whole === '') return
    const missing = this.#said.missing(whole)
    if (missing !== undefined) return this.#grow(missing)
    // `{}` repeated for none, or the same JSON spelled otherwise, is no contradiction.
    if (!isSameJson(this.#said.text, whole)) this.#around.contradicted()
  }
}

function isSameJson(one: string, other: string): boolean {
  const [left, right] = [parseJson(one), parseJson(other)]
  return left !== undefined && JSON.stringify(left) === JSON.stringify(right)
}
