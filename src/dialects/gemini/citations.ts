/** Where an answer came from: Google's grounding and its older citation metadata, beside the candidate's parts. */

import type { Citation } from '../../canonical/message.ts'
import { arrayOf, isJsonObject, type JsonObject, numberOf, objectOf, stringOf } from '../../std/json.ts'
import { fieldOf, objectAt } from './fields.ts'

/** Citations of one candidate that are kept. */
export const CITATIONS_MAX = 1_000

export function readCitations(candidate: JsonObject): readonly Citation[] {
  const grounding = objectAt(candidate, 'groundingMetadata')
  const cited = objectAt(candidate, 'citationMetadata')
  return [
    ...(grounding === undefined ? [] : grounded(grounding)),
    ...(cited === undefined ? [] : sourced(cited)),
  ].slice(0, CITATIONS_MAX)
}

/** One citation for every stretch of text and source that supports it; sources that support none stand alone. */
function grounded(grounding: JsonObject): readonly Citation[] {
  const chunks = arrayOf(fieldOf(grounding, 'groundingChunks'))
  const used = new Set<unknown>()
  const supported = arrayOf(fieldOf(grounding, 'groundingSupports')).flatMap((support) => {
    if (!isJsonObject(support)) return []
    return arrayOf(fieldOf(support, 'groundingChunkIndices')).flatMap((index) => {
      const chunk = chunks[Number(index)]
      used.add(chunk)
      return isJsonObject(chunk) ? [citationOf(chunk, objectAt(support, 'segment'))] : []
    })
  })
  const rest = chunks.filter((chunk) => !used.has(chunk)).filter(isJsonObject)
  return [...supported, ...rest.map((chunk) => citationOf(chunk, undefined))]
}

function citationOf(chunk: JsonObject, segment: JsonObject | undefined): Citation {
  const source =
    objectOf(chunk['web']) ?? objectAt(chunk, 'retrievedContext') ?? objectOf(chunk['maps']) ?? {}
  const range = segment ?? {}
  return {
    ...textField('url', source['uri']),
    ...textField('title', source['title']),
    ...textField('citedText', range['text']),
    ...numberField('startIndex', fieldOf(range, 'startIndex')),
    ...numberField('endIndex', fieldOf(range, 'endIndex')),
    raw: segment === undefined ? chunk : { ...chunk, segment },
  }
}

/** `citationSources` in the one API, `citations` in the other. */
function sourced(metadata: JsonObject): readonly Citation[] {
  const sources = arrayOf(fieldOf(metadata, 'citationSources') ?? metadata['citations'])
  return sources.filter(isJsonObject).map((source) => ({
    ...textField('url', source['uri']),
    ...textField('title', source['title']),
    ...numberField('startIndex', fieldOf(source, 'startIndex')),
    ...numberField('endIndex', fieldOf(source, 'endIndex')),
    raw: source,
  }))
}

function textField(name: 'url' | 'title' | 'citedText', value: unknown): Partial<Citation> {
  const text = stringOf(value)
  return text === undefined || text === '' ? {} : { [name]: text }
}

function numberField(name: 'startIndex' | 'endIndex', value: unknown): Partial<Citation> {
  const number = numberOf(value)
  return number === undefined ? {} : { [name]: number }
}

/** As grounding: the one form that has room for titles and for texts without an address. */
export function writeGrounding(citations: readonly Citation[]): JsonObject {
  return {
    groundingChunks: citations.map(({ url, title, citedText }) =>
      url === undefined
        ? { retrievedContext: { ...(title === undefined ? {} : { title }), text: citedText ?? '' } }
        : { web: { uri: url, ...(title === undefined ? {} : { title }) } },
    ),
    groundingSupports: citations.flatMap((citation, index) => {
      const segment = segmentOf(citation)
      return segment === undefined ? [] : [{ segment, groundingChunkIndices: [index] }]
    }),
  }
}

function segmentOf({ startIndex, endIndex, citedText }: Citation): JsonObject | undefined {
  if (startIndex === undefined && endIndex === undefined) return undefined
  return {
    ...(startIndex === undefined ? {} : { startIndex }),
    ...(endIndex === undefined ? {} : { endIndex }),
    ...(citedText === undefined ? {} : { text: citedText }),
  }
}
