/** Where a text came from: Cohere cites the documents and tool results it was given, and quotes its own words. */

import type { Citation } from '../../canonical/message.ts'
import { arrayOf, type JsonObject, numberOf, objectOf, stringOf } from '../../std/json.ts'
import { withoutAbsent } from '../openai-chat/fields.ts'

export function readCitation(raw: JsonObject): Citation {
  const source = objectOf(arrayOf(raw['sources'])[0])
  const shown = objectOf(source?.['document']) ?? objectOf(source?.['tool_output'])
  return withoutAbsent({
    url: stringOf(shown?.['url']),
    title: stringOf(shown?.['title']) ?? stringOf(source?.['id']),
    citedText: stringOf(shown?.['text']) ?? stringOf(shown?.['content']) ?? stringOf(shown?.['snippet']),
    startIndex: numberOf(raw['start']),
    endIndex: numberOf(raw['end']),
    raw,
  })
}

/** Citations may also stand for a plan or a thought, which no other dialect cites. */
export function citesText(raw: JsonObject): boolean {
  const { type } = raw
  return type === undefined || type === null || type === 'TEXT_CONTENT'
}
