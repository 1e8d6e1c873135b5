/** Why a model stopped, in Cohere's words. */

import type { Finish, FinishReason } from '../../canonical/finish.ts'

const reasonsByWord: ReadonlyMap<string, FinishReason> = new Map([
  ['COMPLETE', 'stop'],
  ['STOP_SEQUENCE', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['TOOL_CALL', 'tool-calls'],
  ['ERROR_TOXIC', 'content-filter'],
  ['ERROR_LIMIT', 'context-window'],
])

/** Words that say the answer failed: what was said before them is no answer. */
const errorWords: ReadonlySet<string> = new Set(['ERROR', 'TIMEOUT', 'USER_CANCEL'])

export function isErrorWord(word: unknown): word is string {
  return typeof word === 'string' && errorWords.has(word.toUpperCase())
}

/** An answer that calls tools has ended with tool calls, whatever word it ends on, unless it was cut. */
export function readFinish(word: unknown, callsTools: boolean): Finish {
  const raw = typeof word === 'string' && word !== '' ? { raw: word.slice(0, 100) } : {}
  const reason = reasonsByWord.get(typeof word === 'string' ? word.toUpperCase() : 'COMPLETE') ?? 'other'
  const isToolCall = callsTools && (reason === 'stop' || reason === 'other')
  return { reason: isToolCall ? 'tool-calls' : reason, ...raw }
}
