/**
 * The client's own bytes with the model's name, and where needed `stream`, changed: every other byte survives. The one
 * exception is reasoning that another provider wrote and this one would refuse (foreign-thinking.ts).
 */

import type { Envelope } from '../../canonical/envelope.ts'
import { type Splice, spliceBytes } from '../../wire/json-scan.ts'
import type { RequestPatch } from '../dialect.ts'
import { replayableMessages, switchedOffThinking } from './foreign-thinking.ts'

/** `streamUsage` asks for nothing here: this dialect always reports usage. */
export function patchRequest(body: Uint8Array, envelope: Envelope, patch: RequestPatch): Uint8Array {
  const { fields, bodyStart } = envelope
  const splices: Splice[] = []
  const model = fields.get('model')
  if (model !== undefined && patch.modelId !== envelope.modelId) {
    splices.push({ ...model, text: JSON.stringify(patch.modelId) })
  }
  if (patch.stream && !envelope.stream) {
    const stream = fields.get('stream')
    splices.push(
      stream === undefined
        ? { start: bodyStart, end: bodyStart, text: '"stream":true,' }
        : { ...stream, text: 'true' },
    )
  }
  const messages = replayableMessages(body, envelope, patch)
  if (messages !== undefined) {
    splices.push(messages)
    const thinking = switchedOffThinking(body, envelope, { ...patch, messages: messages.text })
    if (thinking !== undefined) splices.push(thinking)
  }
  return spliceBytes(body, splices)
}
