/** Log probabilities: Google keeps the chosen tokens and their rivals in two lists, the canonical language in one. */

import {
  arrayOf,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  numberOf,
  objectOf,
  stringOf,
} from '../../std/json.ts'
import { fieldOf } from './fields.ts'

/** Entries in OpenAI's form, one a token. */
export function readLogprobs(value: unknown): readonly JsonValue[] {
  if (!isJsonObject(value)) return []
  const rivals = arrayOf(fieldOf(value, 'topCandidates'))
  return arrayOf(fieldOf(value, 'chosenCandidates')).map((chosen, index) => {
    const top = arrayOf(objectOf(rivals[index])?.['candidates'])
    return { ...entryOf(chosen), top_logprobs: top.map(entryOf) }
  })
}

function entryOf(candidate: unknown): JsonObject {
  const entry = objectOf(candidate) ?? {}
  const token = stringOf(entry['token']) ?? ''
  const logprob = numberOf(fieldOf(entry, 'logProbability')) ?? 0
  return { token, logprob, bytes: [...Buffer.from(token)] }
}

export function writeLogprobs(content: readonly JsonValue[]): JsonObject {
  const entries = content.filter(isJsonObject)
  return {
    topCandidates: entries.map((entry) => ({
      candidates: arrayOf(entry['top_logprobs']).filter(isJsonObject).map(candidateOf),
    })),
    chosenCandidates: entries.map(candidateOf),
  }
}

function candidateOf(entry: JsonObject): JsonObject {
  return { token: stringOf(entry['token']) ?? '', logProbability: numberOf(entry['logprob']) ?? 0 }
}
