/**
 * Tells which tool call a streamed piece belongs to. Servers number calls by index, or only name them by id, or do
 * neither and rely on order; they leave indexes out, use one twice, and send ids that are empty or come late.
 */

import { isJsonObject, type JsonObject, objectOf } from '../../std/json.ts'
import { readCallSignature } from './call-signature.ts'

/** Tool calls of one candidate that are kept; pieces beyond are dropped and counted. */
export const TOOL_CALLS_MAX = 512

/** One tool call as it grows. */
export interface ToolSlot {
  /** From 0, in order of appearance. */
  readonly ordinal: number
  readonly kind: 'function' | 'custom'
  /** As it came; `''` while none did. */
  id: string
  name: string
  /** Gemini's, in its OpenAI-compatible form; `''` where there is none. */
  signature: string
  /** The arguments so far, in pieces. */
  readonly pieces: string[]
}

/** One piece, freed from its spelling. */
export interface ToolPiece {
  readonly index: number | undefined
  readonly id: string
  readonly name: string
  readonly text: string
  readonly kind: 'function' | 'custom'
  readonly signature?: string
}

/** Reads an entry of `tool_calls`; `undefined` where it says nothing at all (servers that fill every field). */
export function readToolPiece(entry: unknown): ToolPiece | undefined {
  if (!isJsonObject(entry)) return undefined
  const custom = objectOf(entry['custom'])
  const call = objectOf(entry['function']) ?? custom
  const signature = readCallSignature(entry)
  const piece: ToolPiece = {
    index: indexOf(entry['index']),
    id: textOf(entry['id']),
    name: textOf(call?.['name']),
    text: argumentsText(call?.['arguments'] ?? call?.['input']),
    kind: entry['type'] === 'custom' || (custom !== undefined && !entry['function']) ? 'custom' : 'function',
    ...(signature === undefined ? {} : { signature }),
  }
  return signature === undefined &&
    piece.id === '' &&
    piece.name === '' &&
    piece.text === '' &&
    piece.index === undefined
    ? undefined
    : piece
}

/** Reads a legacy `function_call`, of which an answer has one. */
export function readFunctionCall(value: unknown): ToolPiece | undefined {
  if (!isJsonObject(value)) return undefined
  const name = textOf(value['name'])
  const text = argumentsText(value['arguments'])
  return name === '' && text === '' ? undefined : { index: undefined, id: '', name, text, kind: 'function' }
}

function indexOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Arguments are JSON text; some servers send the object itself. */
function argumentsText(value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}

export class ToolSlots {
  readonly #slots: ToolSlot[] = []
  readonly #byIndex = new Map<number, ToolSlot>()
  readonly #byId = new Map<string, ToolSlot>()
  #legacy: ToolSlot | undefined

  get all(): readonly ToolSlot[] {
    return this.#slots
  }

  /** The call this piece belongs to, the piece added; `undefined` where there are too many calls. */
  add(piece: ToolPiece, placeInChunk: number): ToolSlot | undefined {
    const slot = this.#find(piece, placeInChunk) ?? this.#open(piece)
    return slot === undefined ? undefined : this.#grow(slot, piece)
  }

  addLegacy(piece: ToolPiece): ToolSlot | undefined {
    this.#legacy ??= this.#open(piece)
    return this.#legacy === undefined ? undefined : this.#grow(this.#legacy, piece)
  }

  #find(piece: ToolPiece, placeInChunk: number): ToolSlot | undefined {
    if (piece.index !== undefined) return this.#continued(this.#byIndex.get(piece.index), piece)
    if (piece.id !== '') return this.#byId.get(piece.id) ?? this.#withLateId(piece)
    const last = this.#slots.at(-1)
    if (piece.name !== '') return this.#continued(last, piece)
    // Neither index, id nor name: pieces of several calls in one chunk stand in the order of the calls.
    return placeInChunk > 0 ? (this.#slots[placeInChunk] ?? last) : last
  }

  /** The call found by index or order, unless this piece begins another one under the same number. */
  #continued(found: ToolSlot | undefined, piece: ToolPiece): ToolSlot | undefined {
    if (found === undefined) return undefined
    const isOtherId = piece.id !== '' && found.id !== '' && piece.id !== found.id
    if (isOtherId) return piece.name === '' ? found : undefined
    if (piece.id !== '' || piece.name === '' || found.name === '') return found
    // A name again and no id to go by: repeated beside every piece, or the next call after a whole one.
    if (piece.name !== found.name) return undefined
    const soFar = found.pieces.join('')
    return soFar !== '' && isWholeJson(soFar) && piece.text !== '' ? undefined : found
  }

  /** An id not seen before and no index: the last call, if it has no id yet and this piece does not begin another. */
  #withLateId(piece: ToolPiece): ToolSlot | undefined {
    const last = this.#slots.at(-1)
    if (last === undefined || last.id !== '') return undefined
    return piece.name === '' || last.name === '' ? last : undefined
  }

  #open(piece: ToolPiece): ToolSlot | undefined {
    if (this.#slots.length >= TOOL_CALLS_MAX) return undefined
    const { length: ordinal } = this.#slots
    const slot: ToolSlot = { ordinal, kind: piece.kind, id: '', name: '', signature: '', pieces: [] }
    this.#slots.push(slot)
    if (piece.index !== undefined) this.#byIndex.set(piece.index, slot)
    return slot
  }

  #grow(slot: ToolSlot, piece: ToolPiece): ToolSlot {
    if (slot.id === '' && piece.id !== '') {
      slot.id = piece.id
      this.#byId.set(piece.id, slot)
    }
    if (slot.name === '') slot.name = piece.name
    if (piece.signature !== undefined) slot.signature = piece.signature
    if (piece.text !== '') slot.pieces.push(piece.text)
    return slot
  }
}

/** Whether a function call's arguments cannot be used: not JSON. None at all are no fault. */
export function isMalformedCall(slot: ToolSlot): boolean {
  if (slot.kind === 'custom') return false
  const text = slot.pieces.join('')
  return text !== '' && !isWholeJson(text)
}

function isWholeJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** What tells one answer from another: made-up ids are drawn from it. */
export function answerKeyOf(answer: JsonObject): string {
  const { id, created } = answer
  return `${typeof id === 'string' ? id : ''}|${typeof created === 'number' ? created : ''}`
}

/**
 * An id for a call that came without one: the same whenever the same stream is read, and another in another answer, since
 * a conversation may not hold one id twice. Letters, digits and underscores: every dialect takes it.
 */
export function syntheticCallId(answer: string, candidate: number, ordinal: number): string {
  // FNV-1a, 32 bits, twice from different starting points.
  const hash = (start: number) => {
    let state = start
    for (let index = 0; index < answer.length; index += 1) {
      state = Math.imul(state ^ answer.charCodeAt(index), 0x0100_0193) >>> 0
    }
    return state.toString(36)
  }
  return `call_${hash(0x811c_9dc5)}${hash(0x0110_0101)}_${candidate}_${ordinal}`
}
