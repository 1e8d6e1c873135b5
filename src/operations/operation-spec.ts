/** What else providers can be asked beside a chat, as data: where it is asked, what goes in, what comes back. */

import type { DialectId, Operation, TargetDialectId } from '../canonical/envelope.ts'
import type { Usage } from '../canonical/usage.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { JsonObject } from '../std/json.ts'
import type { AskedBody, Reference } from './asked-body.ts'
import type { TranslatedOperation, TranslationTarget } from './translated-operation.ts'

export interface OperationSpec {
  readonly operation: Operation
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below the version, in the client's spelling; `*` is an id, `**` a model's name. */
  readonly clientPaths: readonly string[]
  /** Whose clients ask it. Of several, the request's headers tell; the first where they do not. */
  readonly dialects: readonly DialectId[]
  readonly body: 'json' | 'form' | 'none'
  /** `json`: one document, read whole. `any`: whatever the provider says it is, as it comes. */
  readonly answer: 'json' | 'any'
  /** Who serves it: the target of the model that is named, or the provider that has the file or the batch. */
  readonly placedBy: 'model' | 'provider'
  /** Makes something that stays: it is not sent again once the provider may have begun. */
  readonly isOnce: boolean
  /** Query parameters that travel on. */
  readonly queries: readonly string[]
  /** Fields the body must have, for a clear refusal before anybody is asked. */
  readonly required: readonly string[]
  /** At least this long is waited for an answer to begin, ms. Default: as for a chat. */
  readonly firstByteMs?: number
  /** Where a provider of the dialect has it, below the base URL; `undefined` where the dialect knows no such thing. */
  pathAt(dialect: TargetDialectId, modelId: string): string | undefined
  /** What stands behind that path: `/*` is the id. Default: nothing. */
  readonly pathEnd?: string
  /** The usage that an answer, or an event of one, reports. */
  readUsage?(answer: JsonObject): Usage | undefined
  /** Ids that an answer names, so that the next request about one finds its provider. */
  readIds?(answer: JsonObject): readonly string[]
  /** What a body speaks of that only one provider has: a file, or a model. */
  readReference?(body: Uint8Array): Reference
  /** Changes a request for the provider that gets it (its own names of models). */
  patch?(body: Uint8Array, target: PatchTarget): Uint8Array
  /** Changes an answer for the client. */
  finish?(answer: Uint8Array, request: AskedBody): Uint8Array
  /** Says the request to a provider of another dialect, or why it cannot be said; `undefined` where that has no such operation. */
  translate?(request: AskedBody, target: TranslationTarget): TranslatedOperation | GatewayError | undefined
}

export interface PatchTarget {
  readonly providerId: string
  readonly modelId: string
}
