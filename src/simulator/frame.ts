/** What surrounds an answer of any dialect. */

import type { JsonObject } from '../std/json.ts'
import type { StreamForm } from '../canonical/envelope.ts'

export interface Frame {
  readonly id: string
  readonly model: string
  readonly createdSeconds: number
  readonly tokensPerChunk: number
  readonly includeUsage: boolean
  /** What was asked, for dialects that repeat it. */
  readonly fields?: JsonObject
  readonly streamForm?: StreamForm
}
