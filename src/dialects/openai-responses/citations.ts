/** Where a text came from: the annotations of an `output_text`. */

import type { Citation } from '../../canonical/message.ts'
import { arrayOf, isJsonObject, type JsonObject, numberOf, stringOf } from '../../std/json.ts'
import { CITATIONS_MAX } from '../openai-chat/citations.ts'
import { withoutAbsent } from './fields.ts'

export function readAnnotations(value: unknown): readonly Citation[] {
  return arrayOf(value).slice(0, CITATIONS_MAX).filter(isJsonObject).map(readAnnotation)
}

export function readAnnotation(raw: JsonObject): Citation {
  return withoutAbsent({
    url: stringOf(raw['url']),
    title: stringOf(raw['title']) ?? stringOf(raw['filename']),
    startIndex: numberOf(raw['start_index']),
    endIndex: numberOf(raw['end_index']),
    raw,
  })
}

const ownTypes: ReadonlySet<unknown> = new Set(['file_citation', 'container_file_citation', 'file_path'])

/** A citation as an annotation; `undefined` where it names nothing that this dialect can cite. */
export function writeAnnotation({ url, title, startIndex, endIndex, raw }: Citation): JsonObject | undefined {
  if (isJsonObject(raw) && ownTypes.has(raw['type']) && raw['file_id'] !== undefined) return raw
  if (isJsonObject(raw) && raw['type'] === 'url_citation' && typeof raw['url'] === 'string') return raw
  if (url === undefined) return undefined
  const start = startIndex ?? 0
  return {
    type: 'url_citation',
    url,
    title: title ?? url,
    start_index: start,
    end_index: endIndex ?? start,
  }
}
