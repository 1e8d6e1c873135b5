/** An operation said in another dialect, and how its answer is said in the client's own. */

import type { Loss } from '../canonical/loss.ts'
import type { TargetDialectId } from '../canonical/envelope.ts'
import type { Usage } from '../canonical/usage.ts'

export interface TranslationTarget {
  readonly dialect: TargetDialectId
  readonly modelId: string
  /** How the client calls the model. */
  readonly publicModelId: string
}

export interface TranslatedOperation {
  /** Below the base URL. */
  readonly path: string
  readonly body: Uint8Array
  readonly losses: readonly Loss[]
  /** Throws `upstream_bad_response` where the answer is none. */
  readAnswer(answer: Uint8Array): { readonly body: Uint8Array; readonly usage?: Usage }
}
