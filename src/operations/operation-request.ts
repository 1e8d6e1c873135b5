/** One request for an operation, as it arrived: beside its envelope, what the path, the query and the headers said. */

import type { BodySource } from '../std/transport.ts'
import type { AskedBody, Reference } from './asked-body.ts'
import type { OperationSpec } from './operation-spec.ts'

export interface OperationRequest extends AskedBody {
  readonly spec: OperationSpec
  readonly form?: FormBody
  /** The file or the batch that the path names. */
  readonly id?: string
  /** What the body speaks of. */
  readonly reference?: Reference
  /** The provider that `x-holdfast-provider` names. */
  readonly providerId?: string
  /** What travels on of the query, with its question mark; empty where nothing does. */
  readonly query: string
}

/** A form that was received whole and can be sent as often as needed. */
export interface FormBody {
  readonly contentType: string
  /** Absent where the form names no model. */
  readonly modelId?: string
  readonly length: number
  /** The form with another model; without one, as it came. */
  source(modelId: string | undefined): BodySource
  /** Gives its memory and its file back. */
  close(): Promise<void>
}
