/** What the files of this dialect share: its name, and the few words every reader of it uses. */

import type { JsonObject } from '../../std/json.ts'

export { invalid, listOf, withoutAbsent } from '../openai-chat/fields.ts'
export { Losses } from '../openai-chat/losses.ts'

export const DIALECT = 'openai-responses'

/**
 * Opaque parts that hold what an assistant's message (`phase`) or a tool call (`namespace`) says beside its known fields:
 * written back where they stood when the target speaks this dialect.
 */
export const MESSAGE_FIELDS = 'message_fields'
export const TOOL_CALL_FIELDS = 'tool_call_fields'

/** The members with a value that are not known; `undefined` where there are none. */
export function unknownFields(value: JsonObject, known: ReadonlySet<string>): JsonObject | undefined {
  const entries = Object.entries(value).filter(
    ([name, field]) =>
      !known.has(name) &&
      field !== undefined &&
      field !== null &&
      !(Array.isArray(field) && field.length === 0),
  )
  // fromEntries defines its members, so that a field named __proto__ stays a field.
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}
