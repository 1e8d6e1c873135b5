/**
 * Changes a client's own request by splicing bytes: the model's name, what a stream needs, and state that the target
 * did not make (foreign-state.ts), nothing else.
 */

import type { Envelope, Span } from '../../canonical/envelope.ts'
import { type Splice, scanJsonObject, spliceBytes } from '../../wire/json-scan.ts'
import type { RequestPatch } from '../dialect.ts'
import { readableMessages } from './foreign-state.ts'

const NULL = 0x6e
const OPEN_BRACE = 0x7b

export function patchRequest(body: Uint8Array, envelope: Envelope, patch: RequestPatch): Uint8Array {
  const splices: Splice[] = []
  const insertions: string[] = []
  const model = envelope.fields.get('model')
  if (model !== undefined) splices.push({ ...model, text: JSON.stringify(patch.modelId) })
  else insertions.push(`"model":${JSON.stringify(patch.modelId)},`)
  if (patch.stream === true && !envelope.stream) {
    const stream = envelope.fields.get('stream')
    if (stream !== undefined) splices.push({ ...stream, text: 'true' })
    else insertions.push('"stream":true,')
  }
  if (patch.streamUsage === true && !envelope.wantsStreamUsage) {
    const options = envelope.fields.get('stream_options')
    if (options !== undefined) splices.push(usageSplice(body, options))
    else insertions.push('"stream_options":{"include_usage":true},')
  }
  const isStateJudged = patch.origin !== undefined || patch.isForeign !== undefined
  const messages = isStateJudged ? readableMessages(body, envelope, patch) : undefined
  if (messages !== undefined) splices.push(messages)
  // The object has a field, so that a comma may follow what is put before it.
  const { bodyStart } = envelope
  if (insertions.length > 0) splices.push({ start: bodyStart, end: bodyStart, text: insertions.join('') })
  return spliceBytes(body, splices)
}

/** `include_usage` set within the options, their other members untouched. */
function usageSplice(body: Uint8Array, options: Span): Splice {
  if (body[options.start] === NULL || body[options.start] !== OPEN_BRACE) {
    return { ...options, text: '{"include_usage":true}' }
  }
  const inner = scanJsonObject(body.subarray(options.start, options.end))
  const asked = inner.fields.get('include_usage')
  if (asked !== undefined) {
    return { start: options.start + asked.start, end: options.start + asked.end, text: 'true' }
  }
  const at = options.start + inner.bodyStart
  return { start: at, end: at, text: `"include_usage":true${inner.fields.size > 0 ? ',' : ''}` }
}
