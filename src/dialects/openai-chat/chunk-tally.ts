/** What is known of a stream without making events of it: enough to commit, to settle and to tell an end from a break. */

import type { Finish } from '../../canonical/finish.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject } from '../../std/json.ts'
import type { StreamFacts } from '../dialect.ts'
import { readFinish } from './finish-words.ts'
import { readUsage, withTier } from './read-usage.ts'
import { isMalformedCall, readToolPiece, ToolSlots } from './tool-slots.ts'

interface Tallied {
  finishWord: string | undefined
  tools: ToolSlots | undefined
}

/** What the tally cannot see for itself. */
interface Ending {
  readonly isTerminated: boolean
  readonly isLastWordSaid: boolean
  readonly anomalies: number
}

export class ChunkTally implements StreamFacts {
  readonly #source: Ending
  /** How many candidates were asked for. */
  readonly #asked: number
  readonly #onText: ((text: string) => void) | undefined
  readonly #candidates = new Map<number, Tallied>()
  #hasContent = false
  #isInToolCall = false
  #unfinished = 0
  #usageRaw: JsonObject | undefined
  #modelId: string | undefined
  /** The last one told: servers may repeat what was asked for before they know. */
  #serviceTier: string | undefined
  error: GatewayError | undefined
  /** Oddities that whoever reads on top of the source noticed. */
  ownAnomalies = 0

  constructor(source: Ending, asked: number, onText?: (text: string) => void) {
    this.#source = source
    this.#asked = asked
    this.#onText = onText
  }

  get isComplete(): boolean {
    const { size } = this.#candidates
    if (this.#unfinished > 0 || size === 0) return false
    return size >= this.#asked || this.#source.isLastWordSaid
  }

  add(value: JsonObject): void {
    const { choices, model, usage, service_tier: tier } = value
    if (Array.isArray(choices)) {
      for (let place = 0; place < choices.length; place += 1) this.#addChoice(choices[place], place)
    }
    if (this.#modelId === undefined && typeof model === 'string' && model !== '') this.#modelId = model
    if (typeof tier === 'string') this.#serviceTier = tier
    // Only the last usage counts: its counts are read when somebody asks.
    if (isJsonObject(usage)) this.#noteUsage(usage)
    else if (value['x_groq'] !== undefined) this.#noteGroq(value)
  }

  get hasContent(): boolean {
    return this.#hasContent
  }

  /** A call has no end of its own: it is whole when something else begins, or the answer ends. */
  get isInToolCall(): boolean {
    return this.#isInToolCall && !this.isComplete
  }

  get isTerminated(): boolean {
    return this.#source.isTerminated
  }

  get anomalies(): number {
    return this.#source.anomalies + this.ownAnomalies
  }

  get modelId(): string | undefined {
    return this.#modelId
  }

  get usage(): Usage | undefined {
    if (this.#usageRaw === undefined) return undefined
    return withTier(readUsage(this.#usageRaw), { service_tier: this.#serviceTier ?? null })
  }

  /** Candidates that have begun and not finished, by their index. */
  get unfinished(): readonly number[] {
    return [...this.#candidates].flatMap(([index, { finishWord }]) =>
      finishWord === undefined ? [index] : [],
    )
  }

  /** The finish of the first candidate. */
  get finish(): Finish | undefined {
    const first = this.#candidates.get(0) ?? this.#candidates.values().next().value
    return readFinish(first?.finishWord, (first?.tools?.all.length ?? 0) > 0)
  }

  get hasMalformedToolCall(): boolean {
    if (!this.isComplete) return false
    for (const { tools } of this.#candidates.values()) if (tools?.all.some(isMalformedCall)) return true
    return false
  }

  #addChoice(choice: unknown, place: number): void {
    if (!isJsonObject(choice)) return
    const { index, delta, finish_reason: finishReason } = choice
    const candidate = this.#candidate(typeof index === 'number' ? index : place)
    const said = delta ?? choice['message']
    // Some servers repeat the whole message beside its last piece.
    if (this.#onText !== undefined && isJsonObject(delta)) tellText(delta, this.#onText)
    if (isJsonObject(said)) this.#addDelta(candidate, said)
    if (typeof finishReason !== 'string' || finishReason === '' || candidate.finishWord !== undefined) return
    candidate.finishWord = finishReason
    this.#unfinished -= 1
  }

  #candidate(index: number): Tallied {
    const known = this.#candidates.get(index)
    if (known !== undefined) return known
    const opened: Tallied = { finishWord: undefined, tools: undefined }
    this.#candidates.set(index, opened)
    this.#unfinished += 1
    return opened
  }

  #addDelta(candidate: Tallied, delta: JsonObject): void {
    if (!this.#hasContent) this.#hasContent = saysSomething(delta)
    const { tool_calls: calls, function_call: call } = delta
    if (this.#isInToolCall && saysProse(delta)) this.#isInToolCall = false
    if (isFull(calls) || hasFullMember(call)) this.#isInToolCall = true
    if (!Array.isArray(calls)) return
    candidate.tools ??= new ToolSlots()
    for (let place = 0; place < calls.length; place += 1) {
      const piece = readToolPiece(calls[place])
      if (piece !== undefined) candidate.tools.add(piece, place)
    }
  }

  #noteUsage(usage: JsonObject): void {
    if (typeof usage['prompt_tokens'] === 'number' || typeof usage['completion_tokens'] === 'number') {
      this.#usageRaw = usage
    } else if (readUsage(usage) !== undefined) this.#usageRaw = usage
  }

  #noteGroq(value: JsonObject): void {
    const groq = value['x_groq']
    if (isJsonObject(groq) && isJsonObject(groq['usage'])) this.#noteUsage(groq['usage'])
  }
}

/** Whether a delta holds something the client can see: a role and empty strings are nothing. */
function saysSomething(delta: JsonObject): boolean {
  return (
    isFull(delta['content']) ||
    isFull(delta['reasoning_content']) ||
    isFull(delta['reasoning']) ||
    isFull(delta['refusal']) ||
    isFull(delta['tool_calls']) ||
    isFull(delta['reasoning_text']) ||
    isFull(delta['reasoning_details']) ||
    isFull(delta['images']) ||
    hasFullMember(delta['function_call']) ||
    hasFullMember(delta['audio'])
  )
}

/** One text may stand under several names: only the first of those counts. */
function tellText(delta: JsonObject, tell: (text: string) => void): void {
  const { content, refusal, tool_calls: calls } = delta
  const thoughts = delta['reasoning_content'] ?? delta['reasoning'] ?? delta['reasoning_text']
  if (typeof content === 'string') tell(content)
  if (typeof thoughts === 'string') tell(thoughts)
  if (typeof refusal === 'string') tell(refusal)
  if (!Array.isArray(calls)) return
  for (const call of calls) tell(readToolPiece(call)?.text ?? '')
}

function saysProse(delta: JsonObject): boolean {
  return isFull(delta['content']) || isFull(delta['reasoning_content']) || isFull(delta['reasoning'])
}

function isFull(value: unknown): boolean {
  return (typeof value === 'string' || Array.isArray(value)) && value.length > 0
}

function hasFullMember(value: unknown): boolean {
  return isJsonObject(value) && Object.values(value).some(isFull)
}
