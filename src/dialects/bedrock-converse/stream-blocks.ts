/** The content blocks of a stream while they are open: each kind turns its deltas into events of the part it is. */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { Citation } from '../../canonical/message.ts'
import {
  arrayOf,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
  stringOf,
} from '../../std/json.ts'
import { DIALECT } from './dialect-id.ts'
import { isServerTool, readCitation } from './read-block.ts'

type Events = readonly InferenceEvent[]

export interface OpenBlock {
  start(): Events
  /** Whether this delta is one of this kind of block. */
  takes(delta: JsonObject): boolean
  add(delta: JsonObject): Events
  end(): Events
}

const NONE: Events = []

interface Place {
  /** Converse gives one answer. */
  readonly candidate: 0
  readonly part: number
}

/** A block by what announces it: a start, or its first delta where none came (text has none). */
export function openBlock(told: JsonObject, part: number): OpenBlock {
  const at: Place = { candidate: 0, part }
  const { toolUse } = told
  if (isJsonObject(toolUse) && !isServerTool(toolUse)) return new ToolBlock(toolUse, at)
  if (typeof told['text'] === 'string' || told['citation'] !== undefined) return new TextBlock(at)
  if (isJsonObject(told['reasoningContent'])) return new ReasoningBlock(at)
  return new OpaqueBlock(told, at)
}

class TextBlock implements OpenBlock {
  readonly #at: Place
  #citations: readonly Citation[] = []

  constructor(at: Place) {
    this.#at = at
  }

  start(): Events {
    return [{ type: 'text-start', ...this.#at }]
  }

  takes(delta: JsonObject): boolean {
    return delta['text'] !== undefined || delta['citation'] !== undefined
  }

  add({ text, citation }: JsonObject): Events {
    if (isJsonObject(citation)) this.#citations = [...this.#citations, readCitation(citation)]
    return typeof text === 'string' && text !== '' ? [{ type: 'text-delta', text, ...this.#at }] : NONE
  }

  end(): Events {
    const citations = this.#citations.length === 0 ? {} : { citations: this.#citations }
    return [{ type: 'text-end', ...citations, ...this.#at }]
  }
}

class ReasoningBlock implements OpenBlock {
  readonly #at: Place
  #signature = ''
  #encrypted: string | undefined

  constructor(at: Place) {
    this.#at = at
  }

  start(): Events {
    return [{ type: 'reasoning-start', ...this.#at }]
  }

  takes(delta: JsonObject): boolean {
    return delta['reasoningContent'] !== undefined
  }

  add({ reasoningContent: content }: JsonObject): Events {
    if (!isJsonObject(content)) return NONE
    const { text, signature, redactedContent } = content
    this.#signature += stringOf(signature) ?? ''
    if (typeof redactedContent === 'string') this.#encrypted = joinBase64(this.#encrypted, redactedContent)
    return typeof text === 'string' && text !== '' ? [{ type: 'reasoning-delta', text, ...this.#at }] : NONE
  }

  end(): Events {
    return [
      {
        type: 'reasoning-end',
        ...(this.#signature === '' ? {} : { signature: this.#signature }),
        ...(this.#encrypted === undefined ? {} : { encrypted: this.#encrypted }),
        ...this.#at,
      },
    ]
  }
}

/** Pieces of bytes, each in base64 of its own: joined as bytes, since padding may stand between them. */
function joinBase64(before: string | undefined, piece: string): string {
  if (before === undefined) return piece
  return Buffer.concat([Buffer.from(before, 'base64'), Buffer.from(piece, 'base64')]).toString('base64')
}

class ToolBlock implements OpenBlock {
  readonly #toolUse: JsonObject
  readonly #at: Place
  readonly #pieces: string[] = []

  constructor(toolUse: JsonObject, at: Place) {
    this.#toolUse = toolUse
    this.#at = at
  }

  start(): Events {
    const id = stringOf(this.#toolUse['toolUseId']) || `tooluse_${this.#at.part}`
    return [{ type: 'tool-call-start', id, name: stringOf(this.#toolUse['name']) ?? '', ...this.#at }]
  }

  takes(delta: JsonObject): boolean {
    return delta['toolUse'] !== undefined
  }

  add({ toolUse }: JsonObject): Events {
    const piece = isJsonObject(toolUse) ? toolUse['input'] : undefined
    if (typeof piece !== 'string' || piece === '') return NONE
    this.#pieces.push(piece)
    return [{ type: 'tool-call-delta', argumentsDelta: piece, ...this.#at }]
  }

  /** A tool without parameters is called without a delta. */
  end(): Events {
    const text = this.#pieces.join('')
    if (text === '') {
      return [
        { type: 'tool-call-delta', argumentsDelta: '{}', ...this.#at },
        { type: 'tool-call-end', ...this.#at },
      ]
    }
    const isMalformed = parseJson(text) === undefined
    return [{ type: 'tool-call-end', ...(isMalformed ? { isMalformed } : {}), ...this.#at }]
  }
}

/** Server tools, their results, images and whatever is newer: told as one whole, as a plain answer holds it. */
class OpaqueBlock implements OpenBlock {
  readonly #kind: string
  readonly #at: Place
  readonly #start: JsonValue | undefined
  readonly #texts: string[] = []
  readonly #items: JsonValue[] = []
  readonly #fields = new Map<string, JsonValue>()

  constructor(told: JsonObject, at: Place) {
    const [kind, start] = Object.entries(told)[0] ?? ['content', undefined]
    this.#kind = kind
    this.#start = start
    this.#at = at
  }

  start(): Events {
    return NONE
  }

  takes(delta: JsonObject): boolean {
    return delta[this.#kind] !== undefined
  }

  add(delta: JsonObject): Events {
    const value = delta[this.#kind]
    // The items came out of parsed JSON: they are JSON still.
    if (Array.isArray(value)) this.#items.push(...(arrayOf(value) as JsonValue[]))
    else if (isJsonObject(value)) this.#takeFields(value)
    return NONE
  }

  #takeFields(value: JsonObject): void {
    for (const [name, field] of Object.entries(value)) {
      if (this.#kind === 'toolUse' && name === 'input' && typeof field === 'string') this.#texts.push(field)
      else if (field !== undefined) this.#fields.set(name, field)
    }
  }

  end(): Events {
    return [{ type: 'opaque', dialect: DIALECT, value: this.#value(), ...this.#at }]
  }

  #value(): JsonObject {
    const start = isJsonObject(this.#start) ? this.#start : {}
    const text = this.#texts.join('')
    return {
      [this.#kind]: {
        ...start,
        // fromEntries defines own properties, so a field named __proto__ stays a field.
        ...Object.fromEntries(this.#fields),
        ...(this.#kind === 'toolUse' ? { input: inputOf(text) } : {}),
        ...(this.#items.length === 0 ? {} : { content: this.#items }),
      },
    }
  }
}

function inputOf(text: string): JsonValue {
  if (text === '') return {}
  const value = parseJson(text)
  // Sound: what the parser made of JSON text is a JSON value; text that is none stays text.
  return value === undefined ? text : (value as JsonValue)
}
