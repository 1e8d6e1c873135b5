/** Why a model stopped, in Google's words. */

import type { Finish, FinishReason } from '../../canonical/finish.ts'

/** By name, and by number for clients that ask for enums as numbers (`enum-encoding=int`). */
const reasons: readonly (readonly [number, string, FinishReason])[] = [
  [0, 'FINISH_REASON_UNSPECIFIED', 'other'],
  [1, 'STOP', 'stop'],
  [2, 'MAX_TOKENS', 'length'],
  [3, 'SAFETY', 'content-filter'],
  [4, 'RECITATION', 'content-filter'],
  [5, 'OTHER', 'other'],
  [6, 'LANGUAGE', 'other'],
  [7, 'BLOCKLIST', 'content-filter'],
  [8, 'PROHIBITED_CONTENT', 'content-filter'],
  [9, 'SPII', 'content-filter'],
  [10, 'MALFORMED_FUNCTION_CALL', 'malformed-tool-call'],
  [11, 'IMAGE_SAFETY', 'content-filter'],
  [12, 'UNEXPECTED_TOOL_CALL', 'malformed-tool-call'],
  [13, 'TOO_MANY_TOOL_CALLS', 'other'],
  [14, 'IMAGE_PROHIBITED_CONTENT', 'content-filter'],
  [15, 'IMAGE_OTHER', 'other'],
  [16, 'NO_IMAGE', 'other'],
  [17, 'IMAGE_RECITATION', 'content-filter'],
  [18, 'MISSING_THOUGHT_SIGNATURE', 'malformed-tool-call'],
  [19, 'MALFORMED_RESPONSE', 'malformed-tool-call'],
]

const byWord = new Map<unknown, FinishReason>([
  ...reasons.flatMap(([number, word, reason]): [unknown, FinishReason][] => [
    [number, reason],
    [word, reason],
  ]),
  // Vertex's screen for prompts and answers.
  ['MODEL_ARMOR', 'content-filter'],
])
const wordsByNumber = new Map<unknown, string>(reasons.map(([number, word]) => [number, word]))

const WORD_CHARS_MAX = 100

/** Google stops with STOP where a tool is called; and a call that came through was expected enough. */
export function readFinish(word: string | number, callsTools: boolean): Finish {
  const raw = (wordsByNumber.get(word) ?? String(word)).slice(0, WORD_CHARS_MAX)
  const reason = byWord.get(word) ?? 'other'
  const isCall = callsTools && (reason === 'stop' || raw === 'UNEXPECTED_TOOL_CALL')
  return { reason: isCall ? 'tool-calls' : reason, raw }
}

/** Words are said by name or by number. */
export function isWord(value: unknown): value is string | number {
  return (typeof value === 'string' && value !== '') || typeof value === 'number'
}

/** A prompt that was blocked has no candidate to say so. */
export function blockedFinish(word: string): Finish {
  return { reason: 'content-filter', raw: word.slice(0, WORD_CHARS_MAX) }
}

/** Google's own word where the reason came from Google, else the one that means the same. */
export function finishWord({ reason, raw = '' }: Finish): string {
  const isGoogles = raw !== '' && byWord.get(raw) === reason
  return isGoogles ? raw : wordFor(reason)
}

function wordFor(reason: FinishReason): string {
  switch (reason) {
    case 'stop':
    case 'tool-calls':
    case 'pause':
      return 'STOP'
    case 'length':
    case 'context-window':
      return 'MAX_TOKENS'
    case 'content-filter':
    case 'refusal':
      return 'SAFETY'
    case 'malformed-tool-call':
      return 'MALFORMED_FUNCTION_CALL'
    case 'error':
    case 'other':
      return 'OTHER'
  }
}
