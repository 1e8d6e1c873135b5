/** A content block in its own dialect's words while a stream fills it: unknown fields and unknown deltas are kept. */

import { isJsonObject, type JsonObject, type JsonValue, parseJson, stringOf } from '../../std/json.ts'

export class RawBlock {
  readonly #start: JsonObject
  /** Fields that deltas extend or replace. */
  readonly #changed = new Map<string, JsonValue>()
  /** Long texts grow in pieces, so that they are joined once. */
  readonly #pieces = new Map<string, string[]>()
  #inputPieces: string[] | undefined

  constructor(start: JsonObject) {
    this.#start = start
  }

  get type(): string {
    return stringOf(this.#start['type']) ?? ''
  }

  add(delta: JsonObject): void {
    switch (delta['type']) {
      case 'text_delta':
        return this.#append('text', delta['text'])
      case 'thinking_delta':
        return this.#append('thinking', delta['thinking'])
      case 'input_json_delta':
        if (typeof delta['partial_json'] === 'string') (this.#inputPieces ??= []).push(delta['partial_json'])
        return
      case 'signature_delta':
        if (delta['signature'] !== undefined) this.#changed.set('signature', delta['signature'])
        return
      case 'citations_delta':
        if (delta['citation'] !== undefined) this.#extend('citations', [delta['citation']])
        return
      default:
        return this.#merge(delta)
    }
  }

  /** The block as a plain answer would hold it. */
  value(): JsonObject {
    const texts = [...this.#pieces].map(([field, pieces]) => [
      field,
      (stringOf(this.#start[field]) ?? '') + pieces.join(''),
    ])
    return {
      ...this.#start,
      // fromEntries defines own properties, so a field named __proto__ stays a field.
      ...Object.fromEntries(this.#changed),
      ...Object.fromEntries(texts),
      ...this.#input(),
    }
  }

  /** The streamed input as a value; without any text it is what the start held. */
  #input(): JsonObject {
    if (this.#inputPieces === undefined) return {}
    const text = this.#inputPieces.join('')
    return { input: text.trim() === '' ? (this.#start['input'] ?? {}) : inputValue(text) }
  }

  #append(field: string, text: JsonValue | undefined): void {
    if (typeof text !== 'string') return
    const pieces = this.#pieces.get(field)
    if (pieces) pieces.push(text)
    else this.#pieces.set(field, [text])
  }

  #extend(field: string, items: readonly JsonValue[]): void {
    const known = this.#changed.get(field) ?? this.#start[field]
    this.#changed.set(field, Array.isArray(known) ? [...known, ...items] : items)
  }

  /** A delta of unknown kind: text extends text, lists extend lists, anything else replaces. */
  #merge(delta: JsonObject): void {
    for (const [field, value] of Object.entries(delta)) {
      if (field === 'type' || value === undefined || value === null) continue
      if (typeof value === 'string') this.#append(field, value)
      else if (Array.isArray(value)) this.#extend(field, value)
      else this.#changed.set(field, value)
    }
  }
}

/**
 * A tool's arguments as a value: `{}` where there are none, which some models write as `null`. Text that is not JSON
 * stays text: it is what the model wrote, and inventing arguments could run a tool with them (fault 71).
 */
export function inputValue(text: string): JsonValue {
  if (text.trim() === '') return {}
  // JSON.parse gives a JsonValue or, here, undefined for broken text.
  const value = parseJson(text) as JsonValue | undefined
  return value === undefined ? text : (value ?? {})
}

/** Whether a block of this type is content in itself, before any delta. */
export function isContentBlock(block: unknown): boolean {
  if (!isJsonObject(block)) return false
  return block['type'] !== 'text' && block['type'] !== 'thinking'
}

/** The block that a delta must belong to whose own start was lost; `undefined` where it could be any. */
export function impliedBlock(delta: JsonObject): JsonObject | undefined {
  switch (delta['type']) {
    case 'text_delta':
      return { type: 'text', text: '' }
    case 'thinking_delta':
      return { type: 'thinking', thinking: '', signature: '' }
    default:
      return undefined
  }
}
