/** The fields of a message that the canonical language has words for, and what else one says. */

import type { JsonObject } from '../../std/json.ts'

const messageFields = new Set([
  'id',
  'type',
  'role',
  'model',
  'content',
  'stop_reason',
  'stop_sequence',
  'usage',
])

/** What a message says beside the fields this language has words for. */
export function unknownFields(message: JsonObject): JsonObject | undefined {
  const unknown = Object.entries(message).filter(
    ([name, value]) => !messageFields.has(name) && value !== null,
  )
  return unknown.length === 0 ? undefined : Object.fromEntries(unknown)
}
