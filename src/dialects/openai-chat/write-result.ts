/** Says a whole answer as a plain answer of this dialect. */

import type { Part } from '../../canonical/message.ts'
import type { Candidate, InferenceResult } from '../../canonical/result.ts'
import type { JsonObject } from '../../std/json.ts'
import type { EncodedAnswer, WriteAnswerOptions } from '../dialect.ts'
import { writeAnnotation } from './citations.ts'
import { callSignature } from './call-signature.ts'
import { DIALECT, listOf } from './fields.ts'
import { finishWord } from './finish-words.ts'
import { Losses } from './losses.ts'
import { writeDetails } from './reasoning-details.ts'
import { writeUsage } from './write-usage.ts'

export function writeResult(result: InferenceResult, options: WriteAnswerOptions): EncodedAnswer {
  const losses = new Losses()
  const usage = writeUsage(result.usage)
  const body = JSON.stringify({
    id: result.responseId ?? options.responseId,
    object: 'chat.completion',
    created: result.createdAtS ?? options.createdAtS,
    model: result.modelId ?? options.modelId,
    choices: result.candidates.map((candidate) => writeChoice(candidate, { losses, origin: options.origin })),
    ...(usage === undefined ? {} : { usage }),
  })
  return { body, losses: losses.all }
}

interface AnswerContext {
  readonly losses: Losses
  /** Who made the answer, where that is known: its state is sealed with it. */
  readonly origin: string | undefined
}

function writeChoice(candidate: Candidate, context: AnswerContext): JsonObject {
  const calls = candidate.parts.filter((part) => part.type === 'tool-call')
  return {
    index: candidate.index,
    message: writeMessage(
      candidate.parts,
      calls.map((call) => writeToolCall(call, context)),
      context,
    ),
    logprobs: candidate.logprobs === undefined ? null : { content: candidate.logprobs, refusal: null },
    finish_reason: candidate.finish === undefined ? null : finishWord(candidate.finish, calls.length > 0),
  }
}

function writeMessage(
  parts: readonly Part[],
  calls: readonly JsonObject[],
  context: AnswerContext,
): JsonObject {
  const { losses } = context
  const text = joinText(parts, 'text')
  const reasoning = joinText(parts, 'reasoning')
  const refusal = joinText(parts, 'refusal')
  const annotations = writeAnnotations(parts, losses)
  noteLosses(parts, context)
  return {
    role: 'assistant',
    content: text === '' && (calls.length > 0 || refusal !== '') ? null : text,
    refusal: refusal === '' ? null : refusal,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...writeProof(parts, context),
    ...(annotations.length === 0 ? {} : { annotations }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...ownMedia(parts),
  }
}

function joinText(parts: readonly Part[], type: 'text' | 'reasoning' | 'refusal'): string {
  return parts.map((part) => (part.type === type && 'text' in part ? part.text : '')).join('')
}

/** Without a maker's name the proof could not be told from another's, and is a loss. */
function writeProof(parts: readonly Part[], { origin }: AnswerContext): JsonObject {
  if (origin === undefined) return {}
  const details = parts
    .filter((part) => part.type === 'reasoning')
    .flatMap((part, index) => writeDetails(part, { index, origin }))
  return details.length === 0 ? {} : { reasoning_details: details }
}

function writeToolCall(call: Extract<Part, { type: 'tool-call' }>, { origin }: AnswerContext): JsonObject {
  const signed = origin === undefined ? {} : callSignature(call.signature, origin)
  if (call.kind === 'custom') {
    return { id: call.id, type: 'custom', custom: { name: call.name, input: call.arguments }, ...signed }
  }
  // No arguments are legal in other dialects and no JSON in this one.
  const text = call.arguments === '' ? '{}' : call.arguments
  return { id: call.id, type: 'function', function: { name: call.name, arguments: text }, ...signed }
}

function writeAnnotations(parts: readonly Part[], losses: Losses): readonly JsonObject[] {
  return parts.flatMap((part) => {
    if (part.type !== 'text') return []
    return (part.citations ?? []).flatMap((citation) => {
      const annotation = writeAnnotation(citation)
      if (annotation === undefined) losses.add('citations', 'the OpenAI chat API cites links only')
      return listOf(annotation)
    })
  })
}

function ownMedia(parts: readonly Part[]): JsonObject {
  const media: JsonObject[] = parts.flatMap((part) =>
    part.type === 'opaque' && part.dialect === DIALECT ? [mediaFields(part.value)] : [],
  )
  return Object.assign({}, ...media)
}

/** The message field an opaque part of this dialect stands for. */
export function mediaFields(value: JsonObject): JsonObject {
  const { type } = value
  if (type === 'images' && value['images'] !== undefined) return { images: value['images'] }
  return type === 'audio' && value['audio'] !== undefined ? { audio: value['audio'] } : {}
}

function noteLosses(parts: readonly Part[], { losses, origin }: AnswerContext): void {
  for (const part of parts) {
    if (part.type === 'opaque' && part.dialect !== DIALECT) noteOpaque(part.value, losses)
    if (part.type === 'reasoning' && origin === undefined) noteProof(part, losses)
    if (part.type === 'tool-call' && origin === undefined) noteSignature(part.signature, losses)
    if (part.type === 'text') noteSignature(part.signature, losses)
  }
}

export function noteOpaque(value: JsonObject, losses: Losses): void {
  const { type } = value
  losses.add(`content.${typeof type === 'string' ? type : 'part'}`, 'the OpenAI chat API has no such content')
}

export function noteProof(proof: { signature?: string; encrypted?: string }, losses: Losses): void {
  if (proof.signature !== undefined)
    losses.add('thinking.signature', 'the OpenAI chat API has no place for it')
  if (proof.encrypted !== undefined)
    losses.add('redacted_thinking', 'the OpenAI chat API has no place for it')
}

export function noteSignature(signature: string | undefined, losses: Losses): void {
  if (signature) losses.add('thought_signature', 'the OpenAI chat API has no place for it')
}
