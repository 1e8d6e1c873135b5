/** Why a model stopped, between the canonical words and Anthropic's. */

import type { Finish, FinishReason } from '../../canonical/finish.ts'
import { isJsonObject, type JsonObject, stringOf } from '../../std/json.ts'

const reasonsByWord: ReadonlyMap<string, FinishReason> = new Map([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['max_tokens', 'length'],
  ['tool_use', 'tool-calls'],
  ['pause_turn', 'pause'],
  ['refusal', 'refusal'],
  ['model_context_window_exceeded', 'context-window'],
])

/** The finish that a message or a message_delta states; `undefined` where it states none. */
export function readFinish(source: JsonObject): Finish | undefined {
  const raw = stringOf(source['stop_reason'])
  if (raw === undefined) return undefined
  const stopSequence = stringOf(source['stop_sequence'])
  return {
    reason: reasonsByWord.get(raw) ?? 'other',
    raw,
    ...(stopSequence === undefined ? {} : { stopSequence }),
  }
}

/** Whether a message or a message_delta carries a stop reason. */
export function hasStopReason(source: unknown): boolean {
  return isJsonObject(source) && typeof source['stop_reason'] === 'string'
}

const wordsByReason: Readonly<Record<FinishReason, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
  refusal: 'refusal',
  pause: 'pause_turn',
  'context-window': 'model_context_window_exceeded',
  'malformed-tool-call': 'end_turn',
  error: 'end_turn',
  other: 'end_turn',
}

/** What of the answer's content bears on its stop reason. */
export interface AnswerContent {
  readonly hasToolCall: boolean
  readonly hasRefusal: boolean
}

/**
 * `stop_reason` and `stop_sequence` for an answer. A word of this dialect stays as it came. Another's plain stop beside
 * a tool call becomes `tool_use`: OpenAI says `stop` where a function was forced, and an Anthropic client would never
 * run the tool.
 */
export function writeFinish(
  finish: Finish | undefined,
  content: AnswerContent,
): { readonly stop_reason: string; readonly stop_sequence: string | null } {
  const stop_sequence = finish?.stopSequence ?? null
  return { stop_reason: stopReason(finish, content), stop_sequence }
}

function stopReason(finish: Finish | undefined, content: AnswerContent): string {
  const reason = finish?.reason ?? 'stop'
  if (finish?.raw !== undefined && reasonsByWord.get(finish.raw) === reason) return finish.raw
  if (reason !== 'stop' && reason !== 'other') return wordsByReason[reason]
  if (content.hasRefusal) return 'refusal'
  if (content.hasToolCall) return 'tool_use'
  return finish?.stopSequence === undefined ? 'end_turn' : 'stop_sequence'
}
