/** Log probabilities: Cohere gives a piece of text with the numbers of its tokens and their probabilities. */

import { arrayOf, isJsonObject, type JsonObject, numberOf, stringOf } from '../../std/json.ts'

/** In the words that the other dialects share, a token each; a text of several tokens is told by the first of them. */
export function readLogprobs(value: unknown): readonly JsonObject[] {
  const pieces = Array.isArray(value) ? value : [value]
  return pieces.filter(isJsonObject).flatMap((piece) => {
    const text = stringOf(piece['text']) ?? ''
    return arrayOf(piece['logprobs']).map((logprob, place) => ({
      token: place === 0 ? text : '',
      logprob: numberOf(logprob) ?? null,
      bytes: null,
      top_logprobs: [],
    }))
  })
}
