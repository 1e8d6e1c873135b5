/** A reasoning item of an answer as it grows: each piece is a part of the answer, the last with the proof of all. */

import { arrayOf, isJsonObject, type JsonObject, stringOf } from '../../std/json.ts'
import type { ItemReader, ItemSurroundings } from './item-reader.ts'
import { indexOf, placesOf, SaidText } from './said-text.ts'

/** A summary's part, or a text of the reasoning itself: each is one part of the answer, all under the item's id. */
interface Thought {
  readonly part: number
  readonly said: SaidText
}

export class ReasoningReader implements ItemReader {
  readonly type = 'reasoning'
  readonly id: string
  isDone = false
  readonly #around: ItemSurroundings
  readonly #thoughts = new Map<string, Thought>()
  #open: Thought | undefined

  constructor(item: JsonObject, around: ItemSurroundings) {
    this.id = stringOf(item['id']) ?? ''
    this.#around = around
  }

  read(type: string, event: JsonObject): void {
    switch (type) {
      case 'response.reasoning_summary_text.delta':
      case 'response.reasoning_summary.delta':
        return this.#grow(keyOf('summary', event['summary_index']), event['delta'])
      case 'response.reasoning_summary_text.done':
      case 'response.reasoning_summary.done':
        return this.#settle(keyOf('summary', event['summary_index']), event['text'])
      case 'response.reasoning_summary_part.done':
        return this.#settle(keyOf('summary', event['summary_index']), textOf(event['part']))
      case 'response.reasoning_text.delta':
        return this.#grow(keyOf('content', event['content_index']), event['delta'])
      case 'response.reasoning_text.done':
        return this.#settle(keyOf('content', event['content_index']), event['text'])
      case 'response.content_part.done':
      case 'response.reasoning_part.done':
        return this.#settle(keyOf('content', event['content_index']), textOf(event['part']))
      default:
    }
  }

  done(item: JsonObject): void {
    if (this.isDone) return
    for (const kind of ['summary', 'content'] as const) {
      const entries = arrayOf(item[kind])
      const places = placesOf(this.#indexesOf(kind), entries.length)
      for (const [index, entry] of entries.entries())
        this.#settle(keyOf(kind, places[index] ?? index), textOf(entry))
    }
    const encrypted = stringOf(item['encrypted_content'])
    if (encrypted && this.#open === undefined) this.#open = this.#start('encrypted')
    this.#closeOpen(encrypted || undefined)
    this.isDone = true
  }

  close(): void {
    this.isDone = true
    this.#closeOpen(undefined)
  }

  #indexesOf(kind: 'summary' | 'content'): readonly number[] {
    const keys = [...this.#thoughts.keys()].filter((key) => key.startsWith(kind))
    return keys.map((key) => Number(key.slice(kind.length + 1)))
  }

  #thought(key: string): Thought {
    const known = this.#thoughts.get(key)
    if (known !== undefined) return known
    this.#closeOpen(undefined)
    this.#open = this.#start(key)
    return this.#open
  }

  #start(key: string): Thought {
    const thought: Thought = { part: this.#around.nextPart(), said: new SaidText() }
    this.#thoughts.set(key, thought)
    const named = this.id === '' ? {} : { id: this.id }
    this.#around.emit({ type: 'reasoning-start', candidate: 0, part: thought.part, ...named })
    return thought
  }

  #closeOpen(encrypted: string | undefined): void {
    if (this.#open === undefined) return
    const { part } = this.#open
    this.#open = undefined
    const proof = encrypted === undefined ? {} : { encrypted }
    this.#around.emit({ type: 'reasoning-end', candidate: 0, part, ...proof })
  }

  #grow(key: string, delta: unknown): void {
    if (typeof delta !== 'string' || delta === '') return
    const thought = this.#thought(key)
    if (thought !== this.#open) return this.#around.contradicted()
    thought.said.add(delta)
    this.#around.emit({ type: 'reasoning-delta', candidate: 0, part: thought.part, text: delta })
  }

  #settle(key: string, whole: unknown): void {
    if (typeof whole !== 'string' || whole === '') return
    const missing = this.#thought(key).said.missing(whole)
    if (missing === undefined) this.#around.contradicted()
    else this.#grow(key, missing)
  }
}

function keyOf(kind: 'summary' | 'content', index: unknown): string {
  return `${kind}/${indexOf(index)}`
}

function textOf(entry: unknown): unknown {
  return isJsonObject(entry) ? entry['text'] : undefined
}
