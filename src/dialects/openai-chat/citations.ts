/** Where a text came from: `annotations` of a message, and the lists of links some servers put beside the choices. */

import type { Citation } from '../../canonical/message.ts'
import { arrayOf, isJsonObject, type JsonObject, numberOf, objectOf, stringOf } from '../../std/json.ts'
import { withoutAbsent } from './fields.ts'

/** Citations of one answer that are kept. */
export const CITATIONS_MAX = 1000

/** The citations in a message or delta. */
export function readAnnotations(message: JsonObject): readonly Citation[] {
  return arrayOf(message['annotations']).slice(0, CITATIONS_MAX).filter(isJsonObject).map(readAnnotation)
}

function readAnnotation(raw: JsonObject): Citation {
  const inner = objectOf(raw['url_citation']) ?? raw
  return withoutAbsent({
    url: stringOf(inner['url']),
    title: stringOf(inner['title']),
    citedText: stringOf(inner['content']),
    startIndex: numberOf(inner['start_index']),
    endIndex: numberOf(inner['end_index']),
    raw,
  })
}

/** Perplexity and xAI list links beside the choices. */
export function readTopLevelCitations(answer: JsonObject): readonly Citation[] {
  return arrayOf(answer['citations'])
    .filter((url) => typeof url === 'string')
    .slice(0, CITATIONS_MAX)
    .map((url) => ({ url, raw: url }))
}

/** A citation as an annotation; `undefined` where it names no link, which is all this dialect can cite. */
export function writeAnnotation(citation: Citation): JsonObject | undefined {
  const { raw } = citation
  if (isJsonObject(raw) && raw['type'] === 'url_citation' && isJsonObject(raw['url_citation'])) return raw
  if (citation.url === undefined) return undefined
  return {
    type: 'url_citation',
    url_citation: {
      url: citation.url,
      title: citation.title ?? citation.url,
      start_index: citation.startIndex ?? 0,
      end_index: citation.endIndex ?? 0,
    },
  }
}
