/** The top-level fields of an answer and of its chunks that the canonical language has words for. */

import type { JsonObject, JsonValue } from '../../std/json.ts'

/** Known, or padding that means nothing (`obfuscation`, `p`). */
const known: ReadonlySet<string> = new Set([
  'id',
  'object',
  'created',
  'model',
  'choices',
  'usage',
  'citations',
  'obfuscation',
  'p',
  'error',
])

/** The fields with a value that nobody else reads, or `undefined` where there are none. */
export function unknownAnswerFields(answer: JsonObject): JsonObject | undefined {
  let kept: [string, JsonValue][] | undefined
  for (const key of Object.keys(answer)) {
    const value = answer[key]
    if (known.has(key) || value === undefined || value === null || value === '') continue
    kept ??= []
    kept.push([key, value])
  }
  // fromEntries defines its members, so that a field named __proto__ stays a field.
  return kept === undefined ? undefined : Object.fromEntries(kept)
}
