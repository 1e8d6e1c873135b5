/** Lets a stream of this dialect through to a client of this dialect: its own bytes, whole events, nothing broken. */

import { unfold } from '../../canonical/unfold.ts'
import type { Usage } from '../../canonical/usage.ts'
import type { GatewayError } from '../../errors/gateway-error.ts'
import { arrayOf, isJsonObject, type JsonObject, stringOf } from '../../std/json.ts'
import { encodeSse, type SseEvent } from '../../wire/sse.ts'
import type { Passthrough, PassthroughOptions, StreamFacts } from '../dialect.ts'
import { readCallSignature } from './call-signature.ts'
import { type ChunkSink, ChunkSource } from './chunk-source.ts'
import { ChunkTally } from './chunk-tally.ts'
import { readReasoningProof } from './reasoning.ts'
import { resultOf } from './read-result.ts'
import { OpenaiChatStreamWriter } from './stream-writer.ts'
import { writeUsage } from './write-usage.ts'

const NOTHING = new Uint8Array(0)

export class OpenaiChatPassthrough implements Passthrough, ChunkSink {
  readonly #hidesUsage: boolean
  readonly #source = new ChunkSource(this)
  readonly #tally: ChunkTally
  readonly #out = new ByteRuns()
  readonly #tell: ((state: string) => void) | undefined
  #hasSentDone = false
  /** The first chunk: what it says of the answer, all of them say. */
  #first: JsonObject | undefined

  constructor(options: PassthroughOptions) {
    const { hidesUsage, candidates = 1 } = options
    this.#hidesUsage = hidesUsage
    this.#tell = options.onState && ((state) => options.onState?.(state))
    this.#tally = new ChunkTally(
      this.#source,
      candidates,
      options.onText && ((text) => options.onText?.(text)),
    )
  }

  read(chunk: Uint8Array): Uint8Array {
    this.#source.read(chunk)
    return this.#out.take()
  }

  end(): Uint8Array {
    this.#source.end()
    if (this.isComplete && !this.#source.isFailed && !this.#hasSentDone) {
      this.#hasSentDone = true
      this.#out.add(Buffer.from('data: [DONE]\n\n'))
    }
    return this.#out.take()
  }

  cutShort(usage: Usage): Uint8Array | undefined {
    const { unfinished } = this.#tally
    if (this.#hasSentDone || unfinished.length === 0) return undefined
    this.#hasSentDone = true
    const { id, object, created, model } = this.#first ?? {}
    const head = { id, object, created, model }
    const choices = unfinished.map((index) => ({ index, ...this.lastPiece, finish_reason: 'length' }))
    const ends = choices.map((choice) => ({ ...head, choices: [choice] }))
    const counted = this.#hidesUsage ? [] : [{ ...head, choices: [], usage: writeUsage(usage) }]
    const events = [...ends, ...counted].map((chunk) => encodeSse(JSON.stringify(chunk)))
    return Buffer.from(events.join('') + encodeSse('[DONE]'))
  }

  /** What the last chunk of a choice says beside the reason. */
  protected get lastPiece(): JsonObject {
    return { delta: {}, logprobs: null }
  }

  get facts(): StreamFacts {
    return this.#tally
  }

  get isComplete(): boolean {
    return this.#tally.isComplete
  }

  chunk(value: JsonObject, event: SseEvent): void {
    this.#first ??= value
    this.#tally.add(value)
    if (this.#tell) tellState(value, this.#tell)
    if (!this.#hidesUsage || !isUsageOnly(value)) this.#out.add(event.raw)
  }

  /** The plain answer's bytes are no event: it is said again as a stream. */
  plainAnswer(value: JsonObject): void {
    this.#tally.add(value)
    const result = resultOf(value)
    const { id, model, created } = value
    const writer = new OpenaiChatStreamWriter({
      responseId: stringOf(id) ?? 'chatcmpl-0',
      modelId: stringOf(model) ?? '',
      createdAtS: typeof created === 'number' ? created : 0,
      wantsUsage: !this.#hidesUsage,
    })
    const text = unfold(result).map((event) => writer.write(event))
    this.#out.add(Buffer.from(text.join('') + writer.end()))
    this.#hasSentDone = true
  }

  /** `[DONE]` without a finish would tell the client that a broken answer is whole. */
  done(event: SseEvent): void {
    if (this.#hasSentDone || !this.isComplete) return
    this.#hasSentDone = true
    this.#out.add(event.name === 'message' ? event.raw : Buffer.from(encodeSse('[DONE]')))
  }

  failed(error: GatewayError): void {
    this.#tally.error = error
  }
}

/** Proofs and secrets of reasoning, and signatures of calls, wherever a server of this dialect puts them. */
function tellState({ choices }: JsonObject, tell: (state: string) => void): void {
  for (const choice of arrayOf(choices)) {
    const delta = isJsonObject(choice) ? (choice['delta'] ?? choice['message']) : undefined
    if (!isJsonObject(delta)) continue
    const { signature, encrypted } = readReasoningProof(delta) ?? {}
    if (signature !== undefined) tell(signature)
    if (encrypted !== undefined) tell(encrypted)
    for (const call of arrayOf(delta['tool_calls'])) {
      const signed = isJsonObject(call) ? readCallSignature(call) : undefined
      if (signed !== undefined) tell(signed)
    }
  }
}

/** The chunk that carries usage and nothing else: it comes only to those who asked. */
function isUsageOnly(value: JsonObject): boolean {
  return isJsonObject(value['usage']) && arrayOf(value['choices']).length === 0
}

/** Gathers pieces of bytes; neighbours in one buffer become one slice of it, so that a clean chunk is not copied. */
class ByteRuns {
  #runs: Uint8Array[] = []

  add(piece: Uint8Array): void {
    const last = this.#runs.at(-1)
    if (
      last !== undefined &&
      last.buffer === piece.buffer &&
      last.byteOffset + last.byteLength === piece.byteOffset
    ) {
      const length = last.byteLength + piece.byteLength
      this.#runs[this.#runs.length - 1] = Buffer.from(last.buffer, last.byteOffset, length)
      return
    }
    this.#runs.push(piece)
  }

  take(): Uint8Array {
    const runs = this.#runs
    const [first] = runs
    if (first === undefined) return NOTHING
    this.#runs = []
    return runs.length === 1 ? first : Buffer.concat(runs)
  }
}
