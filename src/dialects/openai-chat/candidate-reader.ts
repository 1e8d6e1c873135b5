/** One choice of a stream: which parts are open, and what each delta adds to them. */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { Finish } from '../../canonical/finish.ts'
import type { Citation } from '../../canonical/message.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../std/json.ts'
import { CITATIONS_MAX, readAnnotations } from './citations.ts'
import { readFinish } from './finish-words.ts'
import { type ReasoningHome, readReasoning, readReasoningProof, readThinkingPart } from './reasoning.ts'
import { SpokenAudio } from './spoken-audio.ts'
import {
  isMalformedCall,
  readFunctionCall,
  readToolPiece,
  syntheticCallId,
  type ToolPiece,
  type ToolSlot,
  ToolSlots,
} from './tool-slots.ts'

/** What a candidate needs of the stream around it. */
export interface CandidateHost {
  emit(event: InferenceEvent): void
  /** What tells this answer from others: made-up ids are drawn from it. */
  answerKey(): string
  anomaly(): void
}

type ProseKind = 'text' | 'reasoning' | 'refusal'

/** Prose parts follow one another; at most one is open. */
interface OpenProse {
  readonly kind: ProseKind
  readonly part: number
}

export class CandidateReader {
  readonly #index: number
  readonly #host: CandidateHost
  readonly #tools = new ToolSlots()
  /** The part number of each tool call that was announced, by ordinal. */
  readonly #toolParts = new Map<number, number>()
  #partCount = 0
  #prose: OpenProse | undefined
  #reasoningHome: ReasoningHome | undefined
  #signature: string | undefined
  #encrypted: string | undefined
  #citations: Citation[] = []
  #links: readonly Citation[] = []
  #audio: SpokenAudio | undefined
  #finishWord: string | undefined

  constructor(index: number, host: CandidateHost) {
    this.#index = index
    this.#host = host
  }

  /** A finish reason was seen. */
  get isFinished(): boolean {
    return this.#finishWord !== undefined
  }

  read(choice: JsonObject): void {
    const delta = this.#deltaOf(choice)
    if (delta !== undefined) this.#readDelta(delta)
    const { logprobs, finish_reason: finishReason } = choice
    if (isJsonObject(logprobs)) this.#readLogprobs(logprobs)
    // The first finish reason counts; a repetition beside the usage is normal.
    if (typeof finishReason === 'string' && finishReason !== '') this.#finishWord ??= finishReason
  }

  /** Links for the whole text; a later list replaces an earlier one. */
  replaceLinks(links: readonly Citation[]): void {
    this.#links = links
  }

  /** The stream said its last word. A candidate without a finish broke off: its parts stay open. */
  close(): void {
    if (this.#finishWord === undefined) return
    this.#closeProse(true)
    if (this.#encrypted !== undefined || this.#signature !== undefined) this.#emitBareProof()
    for (const slot of this.#tools.all) this.#closeTool(slot)
    const audio = this.#audio?.value()
    if (audio !== undefined) this.#emitOpaque(audio)
    this.#host.emit({ type: 'finish', candidate: this.#index, finish: this.#finish(this.#finishWord) })
  }

  #finish(word: string): Finish {
    return readFinish(word, this.#toolParts.size > 0) ?? { reason: 'other', raw: word }
  }

  /** Some servers repeat the whole message beside the delta; it counts only where there is no delta and was none. */
  #deltaOf(choice: JsonObject): JsonObject | undefined {
    const { delta, message } = choice
    if (isJsonObject(delta)) return delta
    return isJsonObject(message) && this.#partCount === 0 ? message : undefined
  }

  #readDelta(delta: JsonObject): void {
    const reasoning = readReasoning(delta)
    if (reasoning !== undefined) this.#addReasoning(reasoning.text, reasoning.home)
    if (delta['reasoning_details'] !== undefined) this.#noteProof(delta)
    const { content, refusal, tool_calls: toolCalls, function_call: functionCall, audio, images } = delta
    if (typeof content === 'string') {
      if (content !== '') this.#addProse('text', content)
    } else if (Array.isArray(content)) for (const part of content) this.#readContentPart(part)
    if (typeof refusal === 'string' && refusal !== '') this.#addProse('refusal', refusal)
    if (Array.isArray(toolCalls)) this.#readToolCalls(toolCalls)
    if (isJsonObject(functionCall)) this.#readFunctionCall(functionCall)
    if (isJsonObject(audio)) this.#audio = (this.#audio ?? new SpokenAudio()).add(audio)
    if (Array.isArray(images) && images.length > 0) this.#emitOpaque({ type: 'images', images })
    if (delta['annotations'] !== undefined) this.#noteCitations(readAnnotations(delta))
  }

  #readContentPart(part: unknown): void {
    if (typeof part === 'string') return part === '' ? undefined : this.#addProse('text', part)
    if (!isJsonObject(part)) return
    const { type, text, refusal } = part
    if (type === 'thinking') {
      const thinking = readThinkingPart(part)
      if (thinking !== '') this.#addReasoning(thinking, 'content')
    } else if (type === 'refusal' && typeof refusal === 'string') {
      if (refusal !== '') this.#addProse('refusal', refusal)
    } else if (typeof text === 'string') {
      if (text !== '') this.#addProse('text', text)
    } else if (type !== 'reference') this.#emitOpaque(part)
  }

  /** Once reasoning has a home, what stands in another is the same again. */
  #addReasoning(text: string, home: ReasoningHome): void {
    this.#reasoningHome ??= home
    if (this.#reasoningHome === home) this.#addProse('reasoning', text)
  }

  #noteProof(delta: JsonObject): void {
    const proof = readReasoningProof(delta)
    this.#signature = proof?.signature ?? this.#signature
    this.#encrypted = proof?.encrypted ?? this.#encrypted
  }

  #noteCitations(citations: readonly Citation[]): void {
    const room = CITATIONS_MAX - this.#citations.length
    if (room > 0) this.#citations.push(...citations.slice(0, room))
  }

  #addProse(kind: ProseKind, text: string): void {
    const at = { candidate: this.#index, part: this.#openProse(kind) }
    switch (kind) {
      case 'text':
        return this.#host.emit({ type: 'text-delta', ...at, text })
      case 'reasoning':
        return this.#host.emit({ type: 'reasoning-delta', ...at, text })
      case 'refusal':
        return this.#host.emit({ type: 'refusal-delta', ...at, text })
    }
  }

  /** The part number of the open part of this kind; another one is closed first. */
  #openProse(kind: ProseKind): number {
    const open = this.#prose
    if (open?.kind === kind) return open.part
    this.#closeProse(false)
    const part = this.#nextPart()
    this.#prose = { kind, part }
    const at = { candidate: this.#index, part }
    switch (kind) {
      case 'text':
        this.#host.emit({ type: 'text-start', ...at })
        break
      case 'reasoning':
        this.#host.emit({ type: 'reasoning-start', ...at })
        break
      case 'refusal':
        this.#host.emit({ type: 'refusal-start', ...at })
        break
    }
    return part
  }

  #closeProse(isLast: boolean): void {
    const open = this.#prose
    if (open === undefined) return
    this.#prose = undefined
    const at = { candidate: this.#index, part: open.part }
    switch (open.kind) {
      case 'text':
        return this.#host.emit({ type: 'text-end', ...at, ...this.#takeCitations(isLast) })
      case 'reasoning':
        return this.#host.emit({ type: 'reasoning-end', ...at, ...this.#takeProof() })
      case 'refusal':
        return this.#host.emit({ type: 'refusal-end', ...at })
    }
  }

  #takeCitations(isLast: boolean): { citations?: readonly Citation[] } {
    const taken = isLast && this.#citations.length === 0 ? this.#links : this.#citations
    this.#citations = []
    return taken.length === 0 ? {} : { citations: taken }
  }

  #takeProof(): { signature?: string; encrypted?: string } {
    const signature = this.#signature
    const encrypted = this.#encrypted
    this.#signature = undefined
    this.#encrypted = undefined
    return {
      ...(signature === undefined ? {} : { signature }),
      ...(encrypted === undefined ? {} : { encrypted }),
    }
  }

  /** Encrypted reasoning comes without text, or after the text has gone on: it is a part of its own then. */
  #emitBareProof(): void {
    this.#openProse('reasoning')
    this.#closeProse(true)
  }

  #readToolCalls(entries: readonly unknown[]): void {
    for (let place = 0; place < entries.length; place += 1) {
      const piece = readToolPiece(entries[place])
      if (piece !== undefined) this.#addPiece(this.#tools.add(piece, place), piece)
    }
  }

  #readFunctionCall(call: JsonObject): void {
    const piece = readFunctionCall(call)
    if (piece !== undefined) this.#addPiece(this.#tools.addLegacy(piece), piece)
  }

  /** A call is announced once its name is known; pieces that came before are told then. */
  #addPiece(slot: ToolSlot | undefined, piece: ToolPiece): void {
    if (slot === undefined) return this.#host.anomaly()
    const part = this.#toolParts.get(slot.ordinal)
    if (part !== undefined) {
      if (piece.text !== '') this.#emitArguments(part, piece.text)
    } else if (slot.name !== '') this.#announce(slot)
  }

  #announce(slot: ToolSlot): void {
    this.#closeProse(false)
    const part = this.#nextPart()
    this.#toolParts.set(slot.ordinal, part)
    const id = slot.id === '' ? syntheticCallId(this.#host.answerKey(), this.#index, slot.ordinal) : slot.id
    const kind = slot.kind === 'custom' ? ({ kind: 'custom' } as const) : {}
    this.#host.emit({
      type: 'tool-call-start',
      candidate: this.#index,
      part,
      id,
      name: slot.name,
      ...kind,
      ...signatureOf(slot),
    })
    const text = slot.pieces.join('')
    if (text !== '') this.#emitArguments(part, text)
  }

  #emitArguments(part: number, argumentsDelta: string): void {
    this.#host.emit({ type: 'tool-call-delta', candidate: this.#index, part, argumentsDelta })
  }

  #closeTool(slot: ToolSlot): void {
    const part = this.#toolParts.get(slot.ordinal)
    // A call that never got a name cannot be made by anyone.
    if (part === undefined) return this.#host.anomaly()
    const flaw = isMalformedCall(slot) ? { isMalformed: true } : {}
    this.#host.emit({
      type: 'tool-call-end',
      candidate: this.#index,
      part,
      ...flaw,
      ...signatureOf(slot),
    })
  }

  #readLogprobs(logprobs: JsonObject): void {
    const { content } = logprobs
    if (!Array.isArray(content) || content.length === 0) return
    // Array.isArray forgets that members of parsed JSON are JSON.
    this.#host.emit({
      type: 'logprobs-delta',
      candidate: this.#index,
      content: content as readonly JsonValue[],
    })
  }

  #emitOpaque(value: JsonObject): void {
    this.#closeProse(false)
    const part = this.#nextPart()
    this.#host.emit({ type: 'opaque', candidate: this.#index, part, dialect: 'openai-chat', value })
  }

  #nextPart(): number {
    const part = this.#partCount
    this.#partCount += 1
    return part
  }
}

function signatureOf({ signature }: ToolSlot): { readonly signature?: string } {
  return signature === '' ? {} : { signature }
}
