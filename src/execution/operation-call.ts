/** What is sent to a target for an operation that is neither chat nor count, and what is made of its answer. */

import type { Loss } from '../canonical/loss.ts'
import type { Usage } from '../canonical/usage.ts'
import type { OperationSpec } from '../operations/operation-spec.ts'
import { isJsonObject, type JsonObject } from '../std/json.ts'
import type { UpstreamRequest } from '../upstream/attempt.ts'

export interface OperationCall {
  readonly spec: OperationSpec
  readonly request: Pick<UpstreamRequest, 'method' | 'body' | 'contentType' | 'answers' | 'firstByteMs'>
  readonly path: string
  readonly isTranslated: boolean
  readonly losses: readonly Loss[]
  /** Reads a whole JSON answer. Throws what it amounts to where it is none. */
  readAnswer(answer: Uint8Array): OperationAnswer
}

export interface OperationAnswer {
  readonly body: Uint8Array
  readonly usage?: Usage
  /** Files and batches that it names. */
  readonly ids: readonly string[]
}

/** Whether an answer, or an event of one, is an error whatever its status. */
export function saysError({ error, type }: JsonObject): boolean {
  if (type === 'error') return true
  if (typeof error === 'string') return error !== ''
  return isJsonObject(error) && Object.values(error).some((value) => value !== null && value !== '')
}
