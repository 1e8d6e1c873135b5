/** Folds the deltas of one choice into its message, as raw JSON. */

import { isJsonObject, type JsonObject, type JsonValue } from '../../std/json.ts'
import { readFunctionCall, readToolPiece, syntheticCallId, type ToolSlot, ToolSlots } from './tool-slots.ts'

/** Fields of a delta that come in pieces of text. */
const pieced: ReadonlySet<string> = new Set([
  'content',
  'refusal',
  'reasoning_content',
  'reasoning',
  'reasoning_text',
])

/** Fields of a delta that come as lists which grow. */
const listed: ReadonlySet<string> = new Set(['annotations', 'images', 'reasoning_details', 'content'])

export class ChoiceFold {
  readonly #index: number
  readonly #fields = new Map<string, JsonValue>()
  readonly #message = new Map<string, JsonValue>([['role', 'assistant']])
  readonly #texts = new Map<string, string[]>()
  readonly #lists = new Map<string, JsonValue[]>()
  readonly #logprobs = new Map<string, JsonValue[]>()
  readonly #tools = new ToolSlots()
  /** Fields of tool calls beyond the known ones (`extra_content`), by ordinal. */
  readonly #toolFields = new Map<number, Map<string, JsonValue>>()
  readonly #functionCall = new ToolSlots()
  readonly #audio = new Map<string, JsonValue>()
  #finishReason: JsonValue = null
  #hasDelta = false

  constructor(index: number) {
    this.#index = index
  }

  add(choice: JsonObject): void {
    for (const key of Object.keys(choice)) {
      const value = choice[key]
      if (value !== undefined) this.#addField(key, value, choice)
    }
  }

  value(answerKey: string): JsonObject {
    return {
      index: this.#index,
      ...Object.fromEntries(this.#fields),
      message: this.#foldedMessage(answerKey),
      ...this.#foldedLogprobs(),
      finish_reason: this.#finishReason,
    }
  }

  #addField(key: string, value: JsonValue, choice: JsonObject): void {
    switch (key) {
      case 'index':
      case 'text':
        return
      case 'delta':
        if (isJsonObject(value)) this.#addDelta(value)
        return
      case 'message':
        if (isJsonObject(value) && !isJsonObject(choice['delta']) && !this.#hasDelta) this.#addDelta(value)
        return
      case 'logprobs':
        return this.#addLogprobs(value)
      case 'finish_reason':
        if (typeof value === 'string' && value !== '' && this.#finishReason === null)
          this.#finishReason = value
        return
      default:
        if (value !== null || !this.#fields.has(key)) this.#fields.set(key, value)
    }
  }

  #addDelta(delta: JsonObject): void {
    this.#hasDelta = true
    for (const key of Object.keys(delta)) {
      const value = delta[key]
      if (value !== undefined) this.#addMember(key, value)
    }
  }

  #addMember(key: string, value: JsonValue): void {
    if (key === 'tool_calls') return this.#addToolCalls(value)
    if (key === 'function_call') return this.#addFunctionCall(value)
    if (key === 'audio' && isJsonObject(value)) return this.#addAudio(value)
    if (key === 'role') {
      if (typeof value === 'string' && value !== '') this.#message.set('role', value)
    } else if (typeof value === 'string' && pieced.has(key)) grow(this.#texts, key).push(value)
    else if (Array.isArray(value) && listed.has(key)) this.#addToList(key, value)
    else if (value !== null || !this.#message.has(key)) this.#message.set(key, value)
  }

  /** Pieces of one thought or text, next to each other in a list, grow together. */
  #addToList(key: string, entries: readonly JsonValue[]): void {
    const list = grow(this.#lists, key)
    for (const entry of entries) {
      const joined = key === 'annotations' ? undefined : joinEntries(list.at(-1), entry)
      if (joined === undefined) list.push(entry)
      else list[list.length - 1] = joined
    }
  }

  #addToolCalls(value: JsonValue): void {
    if (!Array.isArray(value)) return
    for (let place = 0; place < value.length; place += 1) {
      const entry: unknown = value[place]
      const piece = readToolPiece(entry)
      const slot = piece === undefined ? undefined : this.#tools.add(piece, place)
      if (slot !== undefined && isJsonObject(entry)) this.#addToolFields(slot, entry)
    }
  }

  #addToolFields(slot: ToolSlot, entry: JsonObject): void {
    for (const key of Object.keys(entry)) {
      const value = entry[key]
      if (value === undefined || value === null || knownToolFields.has(key)) continue
      const fields = this.#toolFields.get(slot.ordinal) ?? new Map<string, JsonValue>()
      this.#toolFields.set(slot.ordinal, fields.set(key, value))
    }
  }

  #addFunctionCall(value: JsonValue): void {
    const piece = readFunctionCall(value)
    if (piece !== undefined) this.#functionCall.addLegacy(piece)
  }

  #addAudio(audio: JsonObject): void {
    for (const key of Object.keys(audio)) {
      const value = audio[key]
      if (value === undefined || value === null) continue
      if (typeof value === 'string' && (key === 'data' || key === 'transcript')) {
        grow(this.#texts, `audio.${key}`).push(value)
      } else this.#audio.set(key, value)
    }
  }

  #addLogprobs(value: JsonValue): void {
    if (!isJsonObject(value)) return
    for (const key of Object.keys(value)) {
      const list: unknown = value[key]
      // Members of parsed JSON are JSON; Array.isArray forgets it.
      if (Array.isArray(list)) for (const entry of list as JsonValue[]) grow(this.#logprobs, key).push(entry)
    }
  }

  #foldedMessage(answerKey: string): JsonObject {
    const message = new Map<string, JsonValue>([
      ['role', this.#message.get('role') ?? 'assistant'],
      ['content', null],
      ['refusal', null],
      ...this.#message,
    ])
    for (const [key, list] of this.#lists) message.set(key, list)
    for (const [key, pieces] of this.#texts)
      if (!key.startsWith('audio.')) this.#setText(message, key, pieces)
    const calls = this.#tools.all.map((slot) => this.#foldedCall(slot, answerKey))
    if (calls.length > 0) message.set('tool_calls', calls)
    const [legacy] = this.#functionCall.all
    if (legacy !== undefined) {
      message.set('function_call', { name: legacy.name, arguments: legacy.pieces.join('') })
    }
    const audio = this.#foldedAudio()
    if (audio !== undefined) message.set('audio', audio)
    return Object.fromEntries(message)
  }

  /** Text beside a list of parts in one field joins the list; a refusal of no words is none. */
  #setText(message: Map<string, JsonValue>, key: string, pieces: readonly string[]): void {
    const text = pieces.join('')
    const list = this.#lists.get(key)
    if (list !== undefined) {
      if (text !== '') message.set(key, [...list, { type: 'text', text }])
    } else if (text !== '' || key !== 'refusal') message.set(key, text)
  }

  #foldedCall(slot: ToolSlot, answerKey: string): JsonObject {
    const text = slot.pieces.join('')
    return {
      id: slot.id === '' ? syntheticCallId(answerKey, this.#index, slot.ordinal) : slot.id,
      type: slot.kind,
      ...(slot.kind === 'custom'
        ? { custom: { name: slot.name, input: text } }
        : { function: { name: slot.name, arguments: text } }),
      ...Object.fromEntries(this.#toolFields.get(slot.ordinal) ?? []),
    }
  }

  #foldedAudio(): JsonObject | undefined {
    const data = this.#texts.get('audio.data')?.join('') ?? ''
    const transcript = this.#texts.get('audio.transcript')?.join('') ?? ''
    const id = this.#audio.get('id')
    if (data === '' && transcript === '' && (id === undefined || id === '')) return undefined
    return { ...Object.fromEntries(this.#audio), data, transcript }
  }

  #foldedLogprobs(): JsonObject {
    if (this.#logprobs.size === 0) return { logprobs: null }
    return { logprobs: { content: null, refusal: null, ...Object.fromEntries(this.#logprobs) } }
  }
}

const knownToolFields: ReadonlySet<string> = new Set(['index', 'id', 'type', 'function', 'custom'])

function grow<T>(map: Map<string, T[]>, key: string): T[] {
  const known = map.get(key)
  if (known !== undefined) return known
  const opened: T[] = []
  map.set(key, opened)
  return opened
}

/** Two entries of one kind and number, joined where they hold text; `undefined` where they are two. */
function joinEntries(last: JsonValue | undefined, next: JsonValue): JsonObject | undefined {
  if (!isJsonObject(last) || !isJsonObject(next)) return undefined
  if (last['type'] !== next['type'] || last['index'] !== next['index'] || last['id'] !== next['id'])
    return undefined
  for (const key of ['text', 'summary', 'thinking'] as const) {
    const before = last[key]
    const after = next[key]
    if (typeof before === 'string' && typeof after === 'string') {
      return { ...last, ...presentOf(next), [key]: before + after }
    }
    if (Array.isArray(before) && Array.isArray(after)) {
      // Members of parsed JSON are JSON; Array.isArray forgets it.
      return { ...last, [key]: [...(before as JsonValue[]), ...(after as JsonValue[])] }
    }
  }
  // A signature comes alone after the text it signs.
  return typeof next['signature'] === 'string' && next['text'] === undefined
    ? { ...last, ...presentOf(next) }
    : undefined
}

function presentOf(entry: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== null))
}
