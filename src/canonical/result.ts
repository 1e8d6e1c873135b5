/** The folded answer: what a stream amounts to, and what a plain answer says. */

import type { JsonObject, JsonValue } from '../std/json.ts'
import type { Finish } from './finish.ts'
import type { Part } from './message.ts'
import type { Usage } from './usage.ts'

export interface InferenceResult {
  readonly responseId?: string
  readonly modelId?: string
  /** Seconds since the Unix epoch. */
  readonly createdAtS?: number
  readonly candidates: readonly Candidate[]
  readonly usage?: Usage
  /** Top-level fields this language has no word for. */
  readonly raw?: JsonObject
}

export interface Candidate {
  readonly index: number
  readonly parts: readonly Part[]
  /** Absent: the answer broke off. */
  readonly finish?: Finish
  readonly logprobs?: readonly JsonValue[]
}
