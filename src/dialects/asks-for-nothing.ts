/**
 * Fields of one dialect that ask for nothing, as many programs send them with every request: no target has to say them, and
 * nothing is lost with them.
 */

import type { JsonValue } from '../std/json.ts'

/** What a field says where the client wants no more than it gets anyway. */
const defaults: ReadonlyMap<string, JsonValue> = new Map<string, JsonValue>([
  // Nothing is kept at a target that has no such field.
  ['store', false],
  ['truncation', 'disabled'],
])

export function asksForNothing(name: string, value: JsonValue | undefined): boolean {
  if (value === undefined || value === null || value === defaults.get(name)) return true
  if (Array.isArray(value)) return value.length === 0
  return typeof value === 'object' && Object.keys(value).length === 0
}
