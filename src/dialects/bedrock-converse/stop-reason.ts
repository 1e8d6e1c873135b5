/** Why a model stopped, in canonical words. */

import type { Finish, FinishReason } from '../../canonical/finish.ts'
import { isJsonObject, type JsonObject, stringOf } from '../../std/json.ts'

const reasonsByWord: ReadonlyMap<string, FinishReason> = new Map([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['max_tokens', 'length'],
  ['tool_use', 'tool-calls'],
  ['guardrail_intervened', 'content-filter'],
  ['content_filtered', 'content-filter'],
  ['malformed_tool_use', 'malformed-tool-call'],
  ['malformed_model_output', 'error'],
  ['model_context_window_exceeded', 'context-window'],
  // Claude's own words, which come through for what Converse has no word for.
  ['refusal', 'refusal'],
  ['pause_turn', 'pause'],
])

/** The finish that an answer or a messageStop states; `undefined` where it states none. */
export function readFinish(source: JsonObject): Finish | undefined {
  const raw = stringOf(source['stopReason'])
  if (raw === undefined) return undefined
  const stopSequence = stopSequenceOf(source['additionalModelResponseFields'])
  return {
    reason: reasonsByWord.get(raw) ?? 'other',
    raw,
    ...(stopSequence === undefined ? {} : { stopSequence }),
  }
}

function stopSequenceOf(fields: unknown): string | undefined {
  return isJsonObject(fields) ? stringOf(fields['stop_sequence']) : undefined
}
