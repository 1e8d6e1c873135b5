/** The client's own bytes with the model's name, and what a stream of ours needs, changed: every other byte survives. */

import type { Envelope } from '../../canonical/envelope.ts'
import { type Splice, spliceBytes } from '../../wire/json-scan.ts'
import type { RequestPatch } from '../dialect.ts'
import { isTrueAt } from '../field-checks.ts'
import { readableInput } from './foreign-reasoning.ts'

/** `streamUsage` asks for nothing here: this dialect always reports usage. */
export function patchRequest(body: Uint8Array, envelope: Envelope, patch: RequestPatch): Uint8Array {
  const { fields, bodyStart } = envelope
  const splices: Splice[] = []
  const model = fields.get('model')
  if (model !== undefined && patch.modelId !== envelope.modelId)
    splices.push({ ...model, text: JSON.stringify(patch.modelId) })
  if (patch.stream === true && !envelope.stream) {
    const stream = fields.get('stream')
    splices.push(
      stream === undefined
        ? { start: bodyStart, end: bodyStart, text: '"stream":true,' }
        : { ...stream, text: 'true' },
    )
  }
  // Who runs in the background is this gateway: it must see the answer come.
  const background = fields.get('background')
  if (background !== undefined && isTrueAt(body, fields, 'background'))
    splices.push({ ...background, text: 'false' })
  const input = readableInput(body, envelope, patch)
  if (input !== undefined) splices.push(input)
  return spliceBytes(body, splices)
}
