/** Ids of tool calls: this API refuses those longer than 64 characters, and other dialects have them. */

import { createHash } from 'node:crypto'

export const CALL_ID_CHARS_MAX = 64

/** The same id for a call and for its result, whenever it is said. */
export function legalCallId(id: string): string {
  if (id.length <= CALL_ID_CHARS_MAX) return id === '' ? 'call_unnamed' : id
  return `call_${createHash('sha256').update(id).digest('hex').slice(0, 48)}`
}
