/** Log probabilities: four lists side by side in this dialect, a list of tokens in every later one. */

import { arrayOf, isJsonObject, type JsonObject, type JsonValue, numberOf, stringOf } from '../../std/json.ts'

/** In the words of the chat API; `undefined` where there are none. */
export function chatLogprobs(logprobs: unknown): JsonObject | undefined {
  if (!isJsonObject(logprobs)) return undefined
  const tokens = arrayOf(logprobs['tokens'])
  if (tokens.length === 0)
    return isJsonObject(logprobs) && logprobs['content'] !== undefined ? logprobs : undefined
  const probabilities = arrayOf(logprobs['token_logprobs'])
  const alternatives = arrayOf(logprobs['top_logprobs'])
  const content = tokens.map(
    (token, index): JsonObject => ({
      ...entry(stringOf(token) ?? '', probabilities[index]),
      top_logprobs: topEntries(alternatives[index]),
    }),
  )
  return { content }
}

function entry(token: string, logprob: unknown): JsonObject {
  // The first token of an echoed prompt follows nothing: its probability is null.
  return { token, logprob: numberOf(logprob) ?? null, bytes: null }
}

function topEntries(alternatives: unknown): readonly JsonObject[] {
  if (!isJsonObject(alternatives)) return []
  return Object.entries(alternatives).map(([token, logprob]) => entry(token, logprob))
}

/** Writes them, counting where in the text each token begins. */
export class LogprobWriter {
  #offset = 0

  write(content: readonly JsonValue[]): JsonObject {
    const entries = content.filter(isJsonObject)
    return {
      tokens: entries.map(({ token }) => token ?? ''),
      token_logprobs: entries.map(({ logprob }) => logprob ?? null),
      top_logprobs: entries.map((each) => topOf(each['top_logprobs'])),
      text_offset: entries.map((each) => this.#next(stringOf(each['token']) ?? '')),
    }
  }

  #next(token: string): number {
    const offset = this.#offset
    this.#offset += token.length
    return offset
  }
}

function topOf(alternatives: unknown): JsonObject | null {
  const entries = arrayOf(alternatives).filter(isJsonObject)
  if (entries.length === 0) return null
  // fromEntries defines its members, so that a token named __proto__ stays a token.
  return Object.fromEntries(entries.map(({ token, logprob }) => [stringOf(token) ?? '', logprob ?? null]))
}
