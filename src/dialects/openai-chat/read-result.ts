/** Decodes a whole plain answer, or throws what it amounts to where it is none. */

import type { Part } from '../../canonical/message.ts'
import type { Candidate, InferenceResult } from '../../canonical/result.ts'
import { emptyAnswer } from '../../canonical/unused-answer.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, type JsonValue, objectOf, stringOf } from '../../std/json.ts'
import { unknownAnswerFields } from './answer-fields.ts'
import { readAnnotations, readTopLevelCitations } from './citations.ts'
import { withoutAbsent } from './fields.ts'
import { readFinish } from './finish-words.ts'
import { exceedsDepth } from './json-depth.ts'
import { choiceError, embeddedError } from './read-error.ts'
import { usageOfAnswer } from './read-usage.ts'
import { readReasoning, readReasoningProof, readThinkingPart } from './reasoning.ts'
import { SpokenAudio } from './spoken-audio.ts'
import {
  answerKeyOf,
  readFunctionCall,
  readToolPiece,
  syntheticCallId,
  type ToolPiece,
} from './tool-slots.ts'

export function readResult(body: Uint8Array): InferenceResult {
  return resultOf(parseAnswer(body))
}

/** The answer in parsed JSON; throws as `readResult` does. */
export function resultOf(answer: JsonObject): InferenceResult {
  const error = embeddedError(answer) ?? choiceError(answer)
  if (error !== undefined) throw error
  const candidates = readCandidates(answer)
  const usage = usageOfAnswer(answer)
  if (!candidates.some(isAnswer)) {
    throw emptyAnswer('The provider answered with no content, no tool call and no refusal.', usage)
  }
  const { id, model, created } = answer
  return withoutAbsent({
    responseId: stringOf(id) || undefined,
    modelId: stringOf(model) || undefined,
    createdAtS: typeof created === 'number' && Number.isInteger(created) && created > 0 ? created : undefined,
    candidates,
    usage,
    raw: unknownAnswerFields(answer),
  })
}

const decoder = new TextDecoder()

/** White space before the JSON is how servers keep a plain answer's connection alive. */
function parseAnswer(body: Uint8Array): JsonObject {
  const text = decoder.decode(body)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    throw badResponse('The provider answered with something that is not JSON.')
  }
  if (!isJsonObject(parsed)) throw badResponse('The provider answered with JSON that is not an object.')
  if (exceedsDepth(text)) throw badResponse('The provider answered with JSON that is nested too deeply.')
  return parsed
}

function badResponse(message: string): GatewayError {
  return new GatewayError('upstream_bad_response', message)
}

function readCandidates(answer: JsonObject): readonly Candidate[] {
  const { choices } = answer
  if (!Array.isArray(choices)) return []
  const answerKey = answerKeyOf(answer)
  const links = readTopLevelCitations(answer)
  return choices.flatMap((choice: unknown, place) =>
    isJsonObject(choice) ? [readCandidate({ choice, place, answerKey, links })] : [],
  )
}

interface ChoiceSource {
  readonly choice: JsonObject
  readonly place: number
  readonly answerKey: string
  readonly links: ReturnType<typeof readTopLevelCitations>
}

function readCandidate({ choice, place, answerKey, links }: ChoiceSource): Candidate {
  const index = choice['index']
  const number = typeof index === 'number' && Number.isInteger(index) && index >= 0 ? index : place
  const message = objectOf(choice['message']) ?? objectOf(choice['delta']) ?? {}
  const calls = readCalls(message, { answerKey, index: number })
  const parts = [
    ...readReasoningParts(message),
    ...withCitations(readSaid(message), [...readAnnotations(message), ...links]),
    ...calls,
    ...readMedia(message),
  ]
  const logprobs = objectOf(choice['logprobs'])?.['content']
  return {
    index: number,
    parts,
    // The whole body came, so the answer did not break off: a server that leaves the reason out means the usual one.
    finish: readFinish(choice['finish_reason'], calls.length > 0) ?? {
      reason: calls.length > 0 ? 'tool-calls' : 'stop',
    },
    // Members of parsed JSON are JSON; Array.isArray forgets it.
    ...(Array.isArray(logprobs) && logprobs.length > 0 ? { logprobs: logprobs as readonly JsonValue[] } : {}),
  }
}

function readReasoningParts(message: JsonObject): readonly Part[] {
  const piece = readReasoning(message)
  const proof = readReasoningProof(message)
  const thinking = piece === undefined ? thinkingOf(message['content']) : piece.text
  if (thinking === '' && proof === undefined) return []
  return [{ type: 'reasoning', text: thinking, ...proof }]
}

function thinkingOf(content: unknown): string {
  if (!Array.isArray(content)) return ''
  return content
    .map((part: unknown) => (isJsonObject(part) && part['type'] === 'thinking' ? readThinkingPart(part) : ''))
    .join('')
}

/** Text, refusals, and parts nobody else knows. */
function readSaid(message: JsonObject): readonly Part[] {
  const { content, refusal } = message
  const said =
    typeof content === 'string'
      ? textPart(content)
      : Array.isArray(content)
        ? joined(content.flatMap(readSaidPart))
        : []
  return typeof refusal === 'string' && refusal !== '' ? [...said, { type: 'refusal', text: refusal }] : said
}

function textPart(text: string): readonly Part[] {
  return text === '' ? [] : [{ type: 'text', text }]
}

function readSaidPart(part: unknown): readonly Part[] {
  if (typeof part === 'string') return textPart(part)
  if (!isJsonObject(part)) return []
  const { type, text, refusal } = part
  if (type === 'thinking' || type === 'reference') return []
  if (type === 'refusal' && typeof refusal === 'string') {
    return refusal === '' ? [] : [{ type: 'refusal', text: refusal }]
  }
  if (typeof text === 'string') return textPart(text)
  return [{ type: 'opaque', dialect: 'openai-chat', value: part }]
}

/** Texts next to each other are one text, as they are in a stream. */
function joined(parts: readonly Part[]): readonly Part[] {
  const kept: Part[] = []
  for (const part of parts) {
    const last = kept.at(-1)
    if (part.type === 'text' && last?.type === 'text') {
      kept[kept.length - 1] = { ...last, text: last.text + part.text }
    } else kept.push(part)
  }
  return kept
}

function withCitations(
  parts: readonly Part[],
  citations: ReturnType<typeof readAnnotations>,
): readonly Part[] {
  if (citations.length === 0) return parts
  const last = parts.findLastIndex((part) => part.type === 'text')
  return parts.map((part, index) => (index === last && part.type === 'text' ? { ...part, citations } : part))
}

function readCalls(message: JsonObject, at: { answerKey: string; index: number }): readonly Part[] {
  const { tool_calls: entries } = message
  const pieces: ToolPiece[] = []
  for (const entry of Array.isArray(entries) ? entries : []) {
    const piece = readToolPiece(entry)
    if (piece !== undefined && piece.name !== '') pieces.push(piece)
  }
  const legacy = readFunctionCall(message['function_call'])
  if (legacy !== undefined && legacy.name !== '') pieces.push(legacy)
  return pieces.map((piece, ordinal) => ({
    type: 'tool-call',
    id: piece.id === '' ? syntheticCallId(at.answerKey, at.index, ordinal) : piece.id,
    name: piece.name,
    arguments: piece.text,
    ...(piece.kind === 'custom' ? { kind: piece.kind } : {}),
    ...(piece.signature === undefined ? {} : { signature: piece.signature }),
  }))
}

/** Spoken audio and drawn images, which only this dialect can say. */
function readMedia(message: JsonObject): readonly Part[] {
  const { images } = message
  const audio = objectOf(message['audio'])
  const spoken = audio === undefined ? undefined : new SpokenAudio().add(audio).value()
  const values: JsonObject[] = []
  if (Array.isArray(images) && images.length > 0) values.push({ type: 'images', images })
  if (spoken !== undefined) values.push(spoken)
  return values.map((value) => ({ type: 'opaque', dialect: 'openai-chat', value }))
}

/** An answer cut at its limit or by a filter may be empty and is an answer all the same. */
function isAnswer(candidate: Candidate): boolean {
  const reason = candidate.finish?.reason
  return (
    candidate.parts.length > 0 ||
    reason === 'length' ||
    reason === 'content-filter' ||
    reason === 'refusal' ||
    reason === 'context-window'
  )
}
