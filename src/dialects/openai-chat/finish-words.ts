/** Why a model stopped, in this dialect's words and in the words its many servers use instead. */

import type { Finish, FinishReason } from '../../canonical/finish.ts'

const reasonsByWord: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['eos', 'stop'],
  ['eos_token', 'stop'],
  ['end_turn', 'stop'],
  ['complete', 'stop'],
  ['stop_sequence', 'stop'],
  ['length', 'length'],
  ['max_tokens', 'length'],
  ['model_length', 'length'],
  ['max_output_tokens', 'length'],
  ['tool_calls', 'tool-calls'],
  ['tool_call', 'tool-calls'],
  ['tool_use', 'tool-calls'],
  ['function_call', 'tool-calls'],
  ['content_filter', 'content-filter'],
  ['safety', 'content-filter'],
  ['sensitive', 'content-filter'],
  ['recitation', 'content-filter'],
  ['prohibited_content', 'content-filter'],
  ['refusal', 'refusal'],
  ['pause_turn', 'pause'],
  ['model_context_window_exceeded', 'context-window'],
  ['error', 'error'],
  ['network_error', 'error'],
  ['insufficient_system_resource', 'error'],
])

/**
 * The finish that a `finish_reason` means. `null` and `''` are none. A forced function ends with `stop`, and some
 * servers say `stop` after any tool call: an answer that calls tools has ended with tool calls.
 */
export function readFinish(raw: unknown, callsTools: boolean): Finish | undefined {
  if (typeof raw !== 'string' || raw === '') return undefined
  const reason = reasonsByWord.get(raw.toLowerCase()) ?? 'other'
  const isToolCall = callsTools && (reason === 'stop' || reason === 'other')
  return { reason: isToolCall ? 'tool-calls' : reason, raw: raw.slice(0, 100) }
}

/**
 * The `finish_reason` that says a finish. The dialect has five words; what they cannot say becomes the nearest one
 * that does not make a client do something else: a pause or an unknown reason is a stop, a full window a length.
 */
export function finishWord(finish: Finish, callsTools: boolean): string {
  switch (finish.reason) {
    case 'length':
    case 'context-window':
      return 'length'
    case 'tool-calls':
      return 'tool_calls'
    case 'content-filter':
    case 'refusal':
      return 'content_filter'
    case 'error':
      return 'error'
    case 'stop':
    case 'pause':
    case 'malformed-tool-call':
    case 'other':
      return callsTools ? 'tool_calls' : 'stop'
  }
}
