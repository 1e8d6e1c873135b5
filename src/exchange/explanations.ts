/**
 * The decision traces of recent requests that asked for one, until newer ones take their place. Whoever made a request
 * may read its trace, and so may the operator; to anyone else it is as if there were none (SEC-19).
 */

import { ownerOf } from './caller-owner.ts'
import type { Explanation } from '../execution/decision-trace.ts'
import type { JsonObject } from '../std/json.ts'
import type { Caller } from './gateway.ts'

/** Traces kept at one time; the oldest is forgotten beyond them. */
export const EXPLANATIONS_MAX = 1_000
/** Bytes of all traces together: any client may ask for one, and those of large routes are long. */
export const EXPLANATIONS_BYTES_MAX = 32 * 1_048_576

export interface Explanations {
  /** Until newer ones take its place; one that is too large by itself is not kept. */
  keep(requestId: string, caller: Caller, trace: Explanation): void
  /** For the client key that made the request; where no keys are configured, for everyone. */
  find(requestId: string, caller: Caller): JsonObject | undefined
  /** For the operator, whoever asked. */
  findAny(requestId: string): JsonObject | undefined
}

export interface ExplanationsOptions {
  readonly countMax?: number
  readonly bytesMax?: number
}

export function createExplanations(options: ExplanationsOptions = {}): Explanations {
  return new RecentExplanations(options)
}

interface Kept {
  readonly owner: string | undefined
  readonly trace: Explanation
}

class RecentExplanations implements Explanations {
  readonly #countMax: number
  readonly #bytesMax: number
  /** Oldest first, as a Map keeps them. */
  readonly #kept = new Map<string, Kept>()
  #bytes = 0

  constructor({ countMax = EXPLANATIONS_MAX, bytesMax = EXPLANATIONS_BYTES_MAX }: ExplanationsOptions) {
    this.#countMax = countMax
    this.#bytesMax = bytesMax
  }

  keep(requestId: string, caller: Caller, trace: Explanation): void {
    this.#forget(requestId)
    if (trace.bytes > this.#bytesMax) return
    this.#kept.set(requestId, { owner: ownerOf(caller), trace })
    this.#bytes += trace.bytes
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#countMax && this.#bytes <= this.#bytesMax) return
      this.#forget(oldest)
    }
  }

  find(requestId: string, caller: Caller): JsonObject | undefined {
    const one = this.#kept.get(requestId)
    return one?.owner === ownerOf(caller) ? one?.trace.explain() : undefined
  }

  findAny(requestId: string): JsonObject | undefined {
    return this.#kept.get(requestId)?.trace.explain()
  }

  #forget(requestId: string): void {
    const one = this.#kept.get(requestId)
    if (one === undefined) return
    this.#kept.delete(requestId)
    this.#bytes -= one.trace.bytes
  }
}
