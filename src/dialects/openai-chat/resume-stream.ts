/** Goes on with a stream of this dialect where the bytes that were delivered stopped. */

import type { InferenceEvent } from '../../canonical/event.ts'
import { arrayOf, isJsonObject, type JsonObject } from '../../std/json.ts'
import { DeliveredLog } from '../delivered-log.ts'
import type { ResumedStream, ResumeStreamOptions, StreamReader, StreamWriter } from '../dialect.ts'
import { primed, readDelivered } from '../resume-stream.ts'
import { type ChunkSink, ChunkSource } from './chunk-source.ts'
import { readReasoning, readReasoningProof } from './reasoning.ts'
import { OpenaiChatStreamReader } from './stream-reader.ts'
import { OpenaiChatStreamWriter } from './stream-writer.ts'

export function resumeStream(
  delivered: readonly Uint8Array[],
  options: ResumeStreamOptions,
): ResumedStream | undefined {
  const events = readDelivered(new OpenaiChatStreamReader(), delivered)
  if (events === undefined) return undefined
  const raw = new DeliveredChunks(delivered)
  const writer = new OpenaiChatStreamWriter(options, {
    hasSaidRole: raw.hasChoices,
    callOffset: Math.max(0, raw.callIndexMax + 1 - callCountOf(events)),
  })
  const { log, obstacle } = raw.readEvents(events)
  if ((options.candidates ?? 1) > 1) log.forbid('there is more than one candidate')
  if (obstacle !== undefined) log.forbid(obstacle)
  return { writer: primed(writer, events), delivered: log.delivered }
}

/** The same for a dialect with the same chunks and a reader and writer of its own. */
export function resumePlainStream(
  faces: { readonly reader: StreamReader; readonly writer: StreamWriter },
  delivered: readonly Uint8Array[],
  options: ResumeStreamOptions,
): ResumedStream | undefined {
  const events = readDelivered(faces.reader, delivered)
  if (events === undefined) return undefined
  const log = logOf(events, false)
  if ((options.candidates ?? 1) > 1) log.forbid('there is more than one candidate')
  return { writer: primed(faces.writer, events), delivered: log.delivered }
}

/** What the chunks say that no event tells. */
class DeliveredChunks implements ChunkSink {
  readonly isComplete = false
  hasChoices = false
  callIndexMax = -1
  #obstacle: string | undefined
  #isReasoningSigned = false
  /** Reasoning stands where only its own server puts it. */
  #isReasoningElsewhere = false

  constructor(delivered: readonly Uint8Array[]) {
    const source = new ChunkSource(this)
    for (const bytes of delivered) source.read(bytes)
  }

  readEvents(events: readonly InferenceEvent[]): { log: DeliveredLog; obstacle: string | undefined } {
    return {
      log: logOf(events, this.#isReasoningSigned || this.#isReasoningElsewhere),
      obstacle: this.#obstacle,
    }
  }

  chunk({ choices }: JsonObject): void {
    for (const choice of arrayOf(choices)) {
      if (!isJsonObject(choice)) continue
      this.hasChoices = true
      const { delta } = choice
      if (isJsonObject(delta)) this.#look(delta)
    }
  }

  plainAnswer(value: JsonObject): void {
    this.chunk(value)
  }

  done(): void {}

  failed(): void {}

  #look(delta: JsonObject): void {
    if (isJsonObject(delta['audio'])) this.#obstacle ??= 'it is spoken'
    if (isJsonObject(delta['function_call'])) this.#obstacle ??= 'it calls a function in the old way'
    const home = readReasoning(delta)?.home
    if (home !== undefined && home !== 'reasoning_content') this.#isReasoningElsewhere = true
    if (readReasoningProof(delta) !== undefined) this.#isReasoningSigned = true
    for (const call of arrayOf(delta['tool_calls'])) {
      const index = isJsonObject(call) ? call['index'] : undefined
      if (typeof index === 'number') this.callIndexMax = Math.max(this.callIndexMax, index)
    }
  }
}

function callCountOf(events: readonly InferenceEvent[]): number {
  return events.filter(({ type }) => type === 'tool-call-start').length
}

/** A call has no end of its own in this dialect: other content after it shows that it is whole. */
function logOf(events: readonly InferenceEvent[], signsReasoning: boolean): DeliveredLog {
  const log = new DeliveredLog({ signsReasoning })
  const calls = new Set<number>()
  for (const event of events) {
    if (event.type === 'tool-call-start') calls.add(event.part)
    else if (event.type === 'text-start' || event.type === 'reasoning-start') {
      for (const part of calls) log.add({ type: 'tool-call-end', candidate: 0, part })
      calls.clear()
    }
    log.add(event)
  }
  return log
}
