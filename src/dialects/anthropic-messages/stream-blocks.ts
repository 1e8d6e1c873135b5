/** The content blocks of a stream while they are open: each kind turns its deltas into events of the part it is. */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { Citation } from '../../canonical/message.ts'
import { isJsonObject, type JsonObject, parseJson, stringOf } from '../../std/json.ts'
import { DIALECT } from './dialect-id.ts'
import { RawBlock } from './raw-block.ts'
import { readCitation, readCitations } from './read-block.ts'

type Events = readonly InferenceEvent[]

export interface OpenBlock {
  start(): Events
  add(delta: JsonObject): Events
  end(): Events
}

/** Where a block's events belong, and the id a tool call gets where its provider gave none. */
export interface BlockPlace {
  readonly part: number
  readonly fallbackId: string
}

/** Anthropic has one candidate. */
const CANDIDATE = 0

const NONE: Events = []

export function openBlock(block: JsonObject, place: BlockPlace): OpenBlock {
  switch (block['type']) {
    case 'text':
      return new TextBlock(block, place.part)
    case 'thinking':
      return new ThinkingBlock(block, place.part)
    case 'redacted_thinking':
      return new RedactedBlock(block, place.part)
    case 'tool_use':
      return new ToolBlock(block, place)
    default:
      return new OpaqueBlock(block, place.part)
  }
}

class TextBlock implements OpenBlock {
  readonly #block: JsonObject
  readonly #at: { readonly candidate: number; readonly part: number }
  #citations: readonly Citation[]

  constructor(block: JsonObject, part: number) {
    this.#block = block
    this.#at = { candidate: CANDIDATE, part }
    this.#citations = readCitations(block['citations'])
  }

  start(): Events {
    return [{ type: 'text-start', ...this.#at }, ...this.#text(this.#block['text'])]
  }

  add(delta: JsonObject): Events {
    const { citation } = delta
    if (citation !== undefined) this.#citations = [...this.#citations, readCitation(citation)]
    return this.#text(delta['text'])
  }

  end(): Events {
    const citations = this.#citations.length === 0 ? {} : { citations: this.#citations }
    return [{ type: 'text-end', ...citations, ...this.#at }]
  }

  #text(text: unknown): Events {
    return typeof text === 'string' && text !== '' ? [{ type: 'text-delta', text, ...this.#at }] : NONE
  }
}

class ThinkingBlock implements OpenBlock {
  readonly #block: JsonObject
  readonly #at: { readonly candidate: number; readonly part: number }
  #signature: string | undefined

  constructor(block: JsonObject, part: number) {
    this.#block = block
    this.#at = { candidate: CANDIDATE, part }
    this.#signature = stringOf(block['signature'])
  }

  start(): Events {
    return [{ type: 'reasoning-start', ...this.#at }, ...this.#text(this.#block['thinking'])]
  }

  add(delta: JsonObject): Events {
    this.#signature = stringOf(delta['signature']) ?? this.#signature
    return this.#text(delta['thinking'])
  }

  end(): Events {
    const signature = this.#signature ? { signature: this.#signature } : {}
    return [{ type: 'reasoning-end', ...signature, ...this.#at }]
  }

  #text(text: unknown): Events {
    return typeof text === 'string' && text !== '' ? [{ type: 'reasoning-delta', text, ...this.#at }] : NONE
  }
}

/** Encrypted reasoning comes whole in its start. */
class RedactedBlock implements OpenBlock {
  readonly #at: { readonly candidate: number; readonly part: number }
  #data: string

  constructor(block: JsonObject, part: number) {
    this.#at = { candidate: CANDIDATE, part }
    this.#data = stringOf(block['data']) ?? ''
  }

  start(): Events {
    return [{ type: 'reasoning-start', ...this.#at }]
  }

  add(delta: JsonObject): Events {
    this.#data += stringOf(delta['data']) ?? ''
    return NONE
  }

  end(): Events {
    return [{ type: 'reasoning-end', encrypted: this.#data, ...this.#at }]
  }
}

class ToolBlock implements OpenBlock {
  readonly #block: JsonObject
  readonly #fallbackId: string
  readonly #at: { readonly candidate: number; readonly part: number }
  readonly #pieces: string[] = []

  constructor(block: JsonObject, { part, fallbackId }: BlockPlace) {
    this.#block = block
    this.#fallbackId = fallbackId
    this.#at = { candidate: CANDIDATE, part }
  }

  start(): Events {
    const id = stringOf(this.#block['id']) || this.#fallbackId
    return [{ type: 'tool-call-start', id, name: stringOf(this.#block['name']) ?? '', ...this.#at }]
  }

  add(delta: JsonObject): Events {
    const piece = delta['partial_json']
    if (typeof piece !== 'string' || piece === '') return NONE
    this.#pieces.push(piece)
    return [{ type: 'tool-call-delta', argumentsDelta: piece, ...this.#at }]
  }

  /** Without a delta the arguments are what the start held, `{}` in nearly every case. */
  end(): Events {
    if (this.#pieces.length > 0) return [this.#ended(this.#pieces.join(''))]
    const { input } = this.#block
    const argumentsDelta = JSON.stringify(isJsonObject(input) ? input : {})
    return [{ type: 'tool-call-delta', argumentsDelta, ...this.#at }, this.#ended(argumentsDelta)]
  }

  #ended(text: string): InferenceEvent {
    const isMalformed = parseJson(text) === undefined
    return { type: 'tool-call-end', ...(isMalformed ? { isMalformed } : {}), ...this.#at }
  }
}

/** Server tools, their results, compaction and whatever is newer: told as one whole when it ends. */
class OpaqueBlock implements OpenBlock {
  readonly #raw: RawBlock
  readonly #part: number

  constructor(block: JsonObject, part: number) {
    this.#raw = new RawBlock(block)
    this.#part = part
  }

  start(): Events {
    return NONE
  }

  add(delta: JsonObject): Events {
    this.#raw.add(delta)
    return NONE
  }

  end(): Events {
    return [
      { type: 'opaque', dialect: DIALECT, value: this.#raw.value(), candidate: CANDIDATE, part: this.#part },
    ]
  }
}
