/**
 * One answer in the words of each dialect that clients speak too, whole and as a stream: made of that dialect's own pieces,
 * so that a test can see what becomes of them at every client.
 */

import type { JsonObject } from '../../src/std/json.ts'
import type { Saying } from './pair-stage.ts'
import { eventsOf } from './told-provider.ts'

/** Text in pieces that end where they please: in the middle of an escape, too. */
export function pieces(text: string, size = 5): readonly string[] {
  const found: string[] = []
  for (let at = 0; at < text.length; at += size) found.push(text.slice(at, at + size))
  return found
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export interface ChatChoice {
  readonly message: JsonObject
  /** What its stream says, one delta after another. */
  readonly deltas: readonly JsonObject[]
  readonly finish: string
  readonly logprobs?: JsonObject
}

export function chatSaying(choices: readonly ChatChoice[], usage: JsonObject = CHAT_USAGE): Saying {
  const head = { id: 'chatcmpl-told', created: 1_700_000_000, model: 'm' }
  const chunk = (index: number, fields: JsonObject): JsonObject => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index, delta: {}, finish_reason: null, ...fields }],
  })
  return {
    whole: {
      ...head,
      object: 'chat.completion',
      choices: choices.map(({ message, finish, logprobs = null }, index) => ({
        index,
        message: { role: 'assistant', content: null, ...message },
        logprobs,
        finish_reason: finish,
      })),
      usage,
    },
    stream: eventsOf(
      ...choices.flatMap(({ deltas, finish, logprobs }, index) => [
        chunk(index, { delta: { role: 'assistant', content: '' } }),
        ...deltas.map((delta) => chunk(index, { delta })),
        ...(logprobs === undefined ? [] : [chunk(index, { logprobs })]),
        chunk(index, { finish_reason: finish }),
      ]),
      { ...head, object: 'chat.completion.chunk', choices: [], usage },
      '[DONE]',
    ),
  }
}

const CHAT_USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }

export interface MessagesSaid {
  readonly content: readonly JsonObject[]
  readonly stopReason?: string
  readonly stopSequence?: string
  readonly usage?: JsonObject
}

export function messagesSaying({ content, stopReason, stopSequence, usage }: MessagesSaid): Saying {
  const head = { id: 'msg_told', type: 'message', role: 'assistant', model: 'm' }
  const end = { stop_reason: stopReason ?? 'end_turn', stop_sequence: stopSequence ?? null }
  const counted = usage ?? { input_tokens: 10, output_tokens: 5 }
  const start = { ...head, content: [], stop_reason: null, stop_sequence: null }
  return {
    whole: { ...head, content, ...end, usage: counted },
    stream: eventsOf(
      { type: 'message_start', message: { ...start, usage: { ...counted, output_tokens: 1 } } },
      ...content.flatMap((block, index) => blockEvents(block, index)),
      { type: 'message_delta', delta: end, usage: counted },
      { type: 'message_stop' },
    ),
  }
}

function blockEvents(block: JsonObject, index: number): readonly JsonObject[] {
  const { opening, deltas } = blockSteps(block)
  return [
    { type: 'content_block_start', index, content_block: opening },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ]
}

function blockSteps(block: JsonObject): {
  readonly opening: JsonObject
  readonly deltas: readonly JsonObject[]
} {
  const { type, text, thinking, signature, input, citations } = block
  if (type === 'text') {
    const cited = Array.isArray(citations) ? citations : []
    const said = pieces(textOf(text)).map((piece) => ({ type: 'text_delta', text: piece }))
    const marks = cited.map((citation) => ({ type: 'citations_delta', citation }))
    return {
      opening: { type, text: '', ...(cited.length === 0 ? {} : { citations: [] }) },
      deltas: [...marks, ...said],
    }
  }
  if (type === 'thinking') {
    const thought = pieces(textOf(thinking)).map((piece) => ({ type: 'thinking_delta', thinking: piece }))
    const proof = { type: 'signature_delta', signature }
    return { opening: { type, thinking: '', signature: '' }, deltas: [...thought, proof] }
  }
  if (type !== 'tool_use') return { opening: block, deltas: [] }
  const said = pieces(JSON.stringify(input))
  return {
    opening: { ...block, input: {} },
    deltas: said.map((partial_json) => ({ type: 'input_json_delta', partial_json })),
  }
}

export interface ResponsesSaid {
  readonly output: readonly JsonObject[]
  /** The reason why it is incomplete. */
  readonly incomplete?: string
  readonly usage?: JsonObject
}

export function responsesSaying({ output, incomplete, usage }: ResponsesSaid): Saying {
  const head = { id: 'resp_told', object: 'response', created_at: 1_700_000_000, model: 'm' }
  const response = {
    ...head,
    status: incomplete === undefined ? 'completed' : 'incomplete',
    incomplete_details: incomplete === undefined ? null : { reason: incomplete },
    error: null,
    output,
    usage: usage ?? { input_tokens: 10, output_tokens: 5, total_tokens: 15 },
  }
  const begun = { ...head, status: 'in_progress', output: [] }
  const events: JsonObject[] = [
    { type: 'response.created', response: begun },
    ...interleaved(output.map((item, index) => itemEvents(item, index))),
    { type: incomplete === undefined ? 'response.completed' : 'response.incomplete', response },
  ]
  return {
    whole: response,
    stream: eventsOf(...events.map((event, sequence_number) => ({ ...event, sequence_number }))),
  }
}

/** Calls of tools grow side by side; everything else one after another. */
function interleaved(items: readonly (readonly JsonObject[])[]): readonly JsonObject[] {
  const isCall = (events: readonly JsonObject[]) => JSON.stringify(events[0]).includes('"function_call"')
  const calls = items.filter(isCall)
  const length = Math.max(0, ...calls.map((events) => events.length))
  const turns = Array.from({ length }, (_, turn) => calls.flatMap((events) => events.slice(turn, turn + 1)))
  return [...items.filter((events) => !isCall(events)).flat(), ...turns.flat()]
}

function itemEvents(item: JsonObject, output_index: number): readonly JsonObject[] {
  const { type, id, content, arguments: text } = item
  const where = { item_id: id, output_index }
  const steps: JsonObject[] = []
  if (type === 'function_call') {
    const about = 'response.function_call_arguments'
    steps.push(...pieces(textOf(text)).map((delta) => ({ type: `${about}.delta`, ...where, delta })))
    steps.push({ type: `${about}.done`, ...where, arguments: text })
  }
  if (type === 'message') {
    // Sound: the tests write messages with a list of parts.
    for (const [content_index, part] of (content as readonly JsonObject[]).entries())
      steps.push(...partEvents(part, { ...where, content_index }))
  }
  const begun =
    type === 'function_call'
      ? { ...item, arguments: '' }
      : type === 'message'
        ? { ...item, content: [] }
        : item
  return [
    { type: 'response.output_item.added', output_index, item: begun },
    ...steps,
    { type: 'response.output_item.done', output_index, item },
  ]
}

function partEvents(part: JsonObject, where: JsonObject): readonly JsonObject[] {
  const { type, text, refusal, annotations, logprobs } = part
  if (type === 'refusal') {
    return [
      { type: 'response.content_part.added', ...where, part: { type, refusal: '' } },
      ...pieces(textOf(refusal)).map((delta) => ({ type: 'response.refusal.delta', ...where, delta })),
      { type: 'response.refusal.done', ...where, refusal },
      { type: 'response.content_part.done', ...where, part },
    ]
  }
  const cited = Array.isArray(annotations) ? annotations : []
  const tokens = Array.isArray(logprobs) ? logprobs : []
  const deltas =
    tokens.length === 0
      ? pieces(textOf(text)).map((delta) => ({ delta, logprobs: [] }))
      : tokens.map((token: JsonObject) => ({ delta: token['token'], logprobs: [token] }))
  return [
    { type: 'response.content_part.added', ...where, part: { type, text: '', annotations: [] } },
    ...deltas.map((said) => ({ type: 'response.output_text.delta', ...where, ...said })),
    ...cited.map((annotation, annotation_index) => ({
      type: 'response.output_text.annotation.added',
      ...where,
      annotation_index,
      annotation,
    })),
    { type: 'response.output_text.done', ...where, text, logprobs: tokens },
    { type: 'response.content_part.done', ...where, part },
  ]
}

export interface GeminiCandidate {
  readonly parts: readonly JsonObject[]
  readonly finish?: string
  /** Beside the content, in the last chunk. */
  readonly more?: JsonObject
}

export function geminiSaying(candidates: readonly GeminiCandidate[], usage?: JsonObject): Saying {
  const counted = usage ?? { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 }
  const tail = { usageMetadata: counted, modelVersion: 'm', responseId: 'told' }
  const chunk = (index: number, parts: readonly JsonObject[], more: JsonObject = {}) => ({
    candidates: [{ content: { role: 'model', parts }, index, ...more }],
    ...tail,
  })
  const ended = ({ finish = 'STOP', more = {} }: GeminiCandidate) => ({ finishReason: finish, ...more })
  return {
    whole: {
      candidates: candidates.map((each, index) => ({
        content: { role: 'model', parts: each.parts },
        index,
        ...ended(each),
      })),
      ...tail,
    },
    stream: eventsOf(
      ...candidates.flatMap((each, index) => [
        ...each.parts.flatMap(partPieces).map((part) => chunk(index, [part])),
        chunk(index, [{ text: '' }], ended(each)),
      ]),
    ),
  }
}

function partPieces(part: JsonObject): readonly JsonObject[] {
  const { text, thoughtSignature, ...rest } = part
  if (typeof text !== 'string' || text === '') return [part]
  const said = pieces(text).map((piece) => ({ ...rest, text: piece }))
  return thoughtSignature === undefined ? said : [...said, { ...rest, text: '', thoughtSignature }]
}
