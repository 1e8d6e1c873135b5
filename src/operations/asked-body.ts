/** What a spec is given to look at of a request. */

import type { DialectId } from '../canonical/envelope.ts'

export interface AskedBody {
  readonly dialect: DialectId
  /** The JSON body; empty where there is none or it is a form. */
  readonly body: Uint8Array
  /** Where the client reaches this operation: `http://host:port/v1/messages/batches`. */
  readonly ownAddress: string
}

/** What a body speaks of that only one provider has. */
export interface Reference {
  /** Of a file or a batch. */
  readonly id?: string
  readonly modelId?: string
}
