/**
 * The decision traces of recent requests that asked for one, until newer ones take their place. Whoever made a request
 * may read its trace, and so may the operator; to anyone else it is as if there were none (SEC-19).
 */

import { ownerOf } from './caller-owner.ts'
import type { JsonObject } from '../std/json.ts'
import type { Caller } from './gateway.ts'

/** Traces kept at one time; the oldest is forgotten beyond them. */
export const EXPLANATIONS_MAX = 1_000

/** Says the trace as it is now: an answer that still streams may yet be rescued. */
export type Explain = () => JsonObject

export interface Explanations {
  keep(requestId: string, caller: Caller, explain: Explain): void
  /** For the client key that made the request; where no keys are configured, for everyone. */
  find(requestId: string, caller: Caller): JsonObject | undefined
  /** For the operator, whoever asked. */
  findAny(requestId: string): JsonObject | undefined
}

export function createExplanations(countMax: number = EXPLANATIONS_MAX): Explanations {
  const kept = new Map<string, { readonly owner: string | undefined; readonly explain: Explain }>()
  return {
    keep(requestId, caller, explain) {
      kept.delete(requestId)
      kept.set(requestId, { owner: ownerOf(caller), explain })
      if (kept.size <= countMax) return
      const [oldest] = kept.keys()
      if (oldest !== undefined) kept.delete(oldest)
    },
    find(requestId, caller) {
      const one = kept.get(requestId)
      return one?.owner === ownerOf(caller) ? one?.explain() : undefined
    },
    findAny: (requestId) => kept.get(requestId)?.explain(),
  }
}
