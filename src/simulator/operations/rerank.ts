/** Rerank in Cohere's and in Jina's shape: a document scores by the share of the query's words it holds. */

import { jsonSteps, type SimulatedCall } from '../call.ts'
import { textOf } from '../request-text.ts'
import type { Step } from '../step.ts'
import { tokensOfLength } from '../tokens.ts'
import { arrayOf, type JsonObject, numberOf, stringOf } from '../../std/json.ts'
import { fieldMissing } from './nothing-here.ts'

/** Documents ranked by one request. */
const DOCUMENTS_MAX = 1_000

export function rerank(call: SimulatedCall): readonly Step[] {
  const { fields, dialect, model } = call.request
  const query = stringOf(fields['query'])
  const documents = arrayOf(fields['documents']).slice(0, DOCUMENTS_MAX)
  if (query === undefined) return fieldMissing(call, 'query')
  if (documents.length === 0) return fieldMissing(call, 'documents')
  const results = ranked(query, documents, fields)
  if (dialect === 'cohere-chat') {
    const meta = { api_version: { version: '2' }, billed_units: { search_units: 1 } }
    return jsonSteps(call, { id: call.ids.next('rerank-'), results, meta })
  }
  const tokens = tokensOfLength(query.length + textOf(documents).length)
  const usage = { prompt_tokens: tokens, total_tokens: tokens }
  return jsonSteps(call, { model, object: 'list', usage, results })
}

function ranked(query: string, documents: readonly unknown[], fields: JsonObject): readonly object[] {
  const words = new Set(wordsOf(query))
  const hasDocuments = fields['return_documents'] === true
  const scored = documents.map((document, index) => {
    const text = textOf(document)
    const found = new Set(wordsOf(text).filter((word) => words.has(word))).size
    const relevance_score = found / Math.max(1, words.size)
    return { index, relevance_score, ...(hasDocuments ? { document: { text } } : {}) }
  })
  const sorted = scored.toSorted((one, other) => other.relevance_score - one.relevance_score)
  return sorted.slice(0, Math.max(0, numberOf(fields['top_n']) ?? documents.length))
}

function wordsOf(text: string): readonly string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
}
