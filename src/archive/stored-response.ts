/** What is kept of one answer. */

import type { JsonObject } from '../std/json.ts'

/** Name of a client key; `undefined` where no keys are configured. */
export type Owner = string | undefined

export interface StoredResponse {
  readonly id: string
  readonly owner: Owner
  /** The answer as its client saw it, or would. */
  readonly answer: JsonObject
  /** What was said in this turn, with ids. */
  readonly input: readonly JsonObject[]
  /** Ids in `input` that only point at items of other entries. */
  readonly pointers?: readonly string[]
  /** What was answered, with ids. */
  readonly output: readonly JsonObject[]
  /** The answer before it in the same conversation. */
  readonly previousId?: string
  /** The target that made it in the client's own dialect, and so remembers it itself. */
  readonly maker?: string
}

/** One item, read only when it is wanted. */
export interface KeptItem {
  /** As JSON. */
  readonly bytes: number
  read(): JsonObject
}
