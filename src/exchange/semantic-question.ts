/** A request as a question among others like it: what must be the same, and what may be said in other words. */

import { hash } from 'node:crypto'
import { canonicalJson } from '../cache/canonical-json.ts'
import type { InferenceRequest } from '../canonical/request.ts'
import type { Exchange } from '../execution/exchange.ts'
import { type IdentityFacts, scopeOf } from './cache-identity.ts'

/** Longer ones are not compared: an embedding of a book says little. */
export const QUESTION_LENGTH_MAX = 8_192

export interface Question {
  /** The last thing that the user said. */
  readonly text: string
  /** Hex: everything else, and whose it is. Only questions of one partition are compared. */
  readonly partition: string
}

/** `undefined` where the last message is more, or something else, than a few words of a user. */
export function readQuestion(exchange: Exchange, facts: IdentityFacts): Question | undefined {
  if (exchange.operation !== 'chat') return undefined
  try {
    const { dialect, body, named } = exchange
    return questionOf(dialect.readRequest(body, named), scopeOf(exchange, facts))
  } catch {
    return undefined
  }
}

function questionOf(request: InferenceRequest, scope: string): Question | undefined {
  const last = request.messages.at(-1)
  if (last?.role !== 'user') return undefined
  const texts = last.parts.map((part) => (part.type === 'text' ? part.text : undefined))
  if (!texts.every((text) => text !== undefined)) return undefined
  const text = texts.join('\n').trim()
  if (text === '' || text.length > QUESTION_LENGTH_MAX) return undefined
  const { stream: _stream, wantsStreamUsage: _usage, messages, ...rest } = request
  const before = messages.slice(0, -1)
  const frame = { ...last, parts: last.parts.map((part) => ({ ...part, text: '' })) }
  return { text, partition: hash('sha256', `${scope}\n${canonicalJson({ ...rest, before, frame })}`) }
}
