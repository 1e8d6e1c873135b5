/**
 * Looks for an answer to a question that asks the same in other words. Likeness alone gives nobody an answer: what the
 * meaning hangs on must be the same letter by letter, and the words too, or whoever is asked about it says that they mean
 * the same. Whatever fails here is a miss.
 */

import type { AnswerCache, CacheEntry, Place } from '../cache/answer-cache.ts'
import type { SemanticPolicy } from '../cache/config-schema.ts'
import { factsAgree, wordsAgree } from '../cache/same-question.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Clock } from '../std/clock.ts'
import { within } from '../std/within.ts'
import type { IdentityFacts } from './cache-identity.ts'
import type { CachedReply } from './cached-reply.ts'
import {
  type Asking,
  OWN_QUESTION_WAIT_MS,
  type OwnQuestions,
  type QuestionPair,
  type ServeOwn,
} from './own-questions.ts'
import { type Question, readQuestion } from './semantic-question.ts'

/** Of those alike, so many are looked at. */
export const ALIKE_MAX = 4

export interface SemanticRooms {
  readonly clock: Clock
  readonly cache: AnswerCache<CachedReply>
  readonly questions: OwnQuestions
}

export interface SemanticFacts extends IdentityFacts {
  /** Serves what is asked on the way, for the same caller; without it nothing is compared. */
  readonly serve?: ServeOwn | undefined
}

export interface SemanticMatch {
  readonly question: string
  /** Where an answer to this question will stand. */
  readonly place: Place
  /** What was found. */
  readonly entry?: CacheEntry<CachedReply>
  /** Of the one found; 0 where none was. */
  readonly similarity: number
}

export interface SemanticSearch {
  /** `undefined` where the request cannot be compared with others. Never rejects. */
  find(exchange: Exchange, facts: SemanticFacts, policy: SemanticPolicy): Promise<SemanticMatch | undefined>
}

export function createSemanticSearch(rooms: SemanticRooms): SemanticSearch {
  return {
    async find(exchange, facts, policy) {
      const { serve } = facts
      const question = serve && readQuestion(exchange, facts)
      if (serve === undefined || question === undefined) return undefined
      const search = { asking: { exchange, serve }, policy, rooms }
      const place = await placeOf(question, search)
      if (place === undefined) return undefined
      const found = await findSame(question, place, search)
      return { question: question.text, place, similarity: 0, ...found }
    },
  }
}

interface Search {
  readonly asking: Asking
  readonly policy: SemanticPolicy
  readonly rooms: SemanticRooms
}

async function placeOf(
  { text, partition }: Question,
  { asking, policy, rooms }: Search,
): Promise<Place | undefined> {
  try {
    const embedded = rooms.questions.embed(text, policy.embeddings, asking)
    const vector = unitVector(await within(rooms.clock, OWN_QUESTION_WAIT_MS, embedded))
    return vector && { partition, vector }
  } catch {
    return undefined
  }
}

async function findSame(
  { text }: Question,
  place: Place,
  search: Search,
): Promise<Pick<SemanticMatch, 'entry' | 'similarity'> | undefined> {
  const similarityMin = search.policy.similarity
  const alike = await search.rooms.cache.findAlike(place, { similarityMin, count: ALIKE_MAX })
  for (const { similarity, ...entry } of alike) {
    const answered = entry.value.kept.question
    if (answered !== undefined && (await asksTheSame({ asked: text, answered }, search)))
      return { entry, similarity }
  }
  return undefined
}

async function asksTheSame(pair: QuestionPair, { asking, policy, rooms }: Search): Promise<boolean> {
  const { asked, answered } = pair
  if (!factsAgree(asked, answered)) return false
  if (wordsAgree(asked, answered)) return true
  if (policy.verify === undefined) return false
  try {
    return await within(
      rooms.clock,
      OWN_QUESTION_WAIT_MS,
      rooms.questions.verify(pair, policy.verify, asking),
    )
  } catch {
    return false
  }
}

/** `undefined` where it points nowhere. */
function unitVector(vector: Float32Array): Float32Array | undefined {
  const length = Math.hypot(...vector)
  return Number.isFinite(length) && length > 0 ? vector.map((value) => value / length) : undefined
}
