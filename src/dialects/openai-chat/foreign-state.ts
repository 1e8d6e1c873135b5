/**
 * State in a request that passes through: what the target made and a client holds sealed (canonical/seal.ts) is opened
 * in place, and what another made is taken out. All else keeps every byte, and a body without any is not even decoded.
 */

import type { Envelope, Span } from '../../canonical/envelope.ts'
import { openState, SEAL_MARK } from '../../canonical/seal.ts'
import { stateLoss } from '../../canonical/state-losses.ts'
import { isJsonObject, type JsonObject, parseJson, stringOf } from '../../std/json.ts'
import { asBuffer } from '../../wire/bytes.ts'
import { changeElements, DROP, type ElementChange, KEEP } from '../../wire/json-elements.ts'
import { scanJsonObject, type Splice, spliceBytes } from '../../wire/json-scan.ts'
import type { RequestPatch } from '../dialect.ts'
import { callSignature, openCallSignature, SIGNER, withoutCallSignature } from './call-signature.ts'

type Reader = Pick<RequestPatch, 'origin' | 'isForeign' | 'onLoss'>

const OPEN_BRACKET = 0x5b
const OPEN_BRACE = 0x7b
/** With its quotes a name matches no string, in which they would be escaped. */
const DETAILS = Buffer.from('"reasoning_details"')
const SIGNATURE = Buffer.from('"thought_signature"')
const SEAL = Buffer.from(SEAL_MARK)

/** The messages as the target may read them, as a splice; `undefined` where nothing has to change. */
export function readableMessages(body: Uint8Array, envelope: Envelope, reader: Reader): Splice | undefined {
  const span = envelope.fields.get('messages')
  if (span === undefined || body[span.start] !== OPEN_BRACKET) return undefined
  if (!mayHoldState(asBuffer(body.subarray(span.start, span.end)), reader)) return undefined
  const changed = changeElements(body, span, (message) => changeMessage(body, message, reader))
  return changed === undefined ? undefined : { ...span, text: changed.text }
}

function mayHoldState(messages: Buffer, { isForeign }: Reader): boolean {
  if (messages.includes(SEAL)) return true
  return isForeign !== undefined && (messages.includes(DETAILS) || messages.includes(SIGNATURE))
}

function changeMessage(body: Uint8Array, message: Span, reader: Reader): ElementChange {
  const bytes = body.subarray(message.start, message.end)
  if (bytes[0] !== OPEN_BRACE) return KEEP
  const { fields } = scanJsonObject(bytes)
  const splices = [
    ...changeList(bytes, fields.get('reasoning_details'), (detail) => changeDetail(detail, reader)),
    ...changeList(bytes, fields.get('tool_calls'), (call) => changeCall(call, reader)),
  ]
  if (splices.length === 0) return KEEP
  return { type: 'say', text: asBuffer(spliceBytes(bytes, splices)).toString('utf8') }
}

function changeList(
  bytes: Uint8Array,
  span: Span | undefined,
  change: (entry: JsonObject) => ElementChange,
): readonly Splice[] {
  if (span === undefined || bytes[span.start] !== OPEN_BRACKET) return []
  const changed = changeElements(bytes, span, ({ start, end }) => {
    const entry = parseJson(asBuffer(bytes).toString('utf8', start, end))
    return isJsonObject(entry) ? change(entry) : KEEP
  })
  return changed === undefined ? [] : [{ ...span, text: changed.text }]
}

/** An entry goes with its proof: the words it repeats stand in the message as well. */
function changeDetail(detail: JsonObject, reader: Reader): ElementChange {
  const field = stringOf(detail['data']) === undefined ? 'signature' : 'data'
  const state = stringOf(detail[field])
  if (!state) return KEEP
  const sealed = openState(state)
  if (sealed?.origin === reader.origin && sealed !== undefined) {
    return { type: 'say', text: JSON.stringify({ ...detail, [field]: sealed.value }) }
  }
  if (sealed === undefined && !reader.isForeign?.(state)) return KEEP
  reader.onLoss?.(losses[field])
  return DROP
}

/** A call stays, with the signature it may show to this target or with none. */
function changeCall(call: JsonObject, reader: Reader): ElementChange {
  const { signature, origin, isSealed } = openCallSignature(call)
  if (signature === undefined) return KEEP
  const isOwn = origin === reader.origin
  if (!isSealed && (isOwn || !reader.isForeign?.(signature))) return KEEP
  if (!isOwn) reader.onLoss?.(losses.call)
  const bare = withoutCallSignature(call)
  const signed = isOwn ? { ...bare, ...withExtra(bare, signature) } : bare
  return { type: 'say', text: JSON.stringify(signed) }
}

const losses = {
  signature: stateLoss('reasoning_signature'),
  data: stateLoss('encrypted_reasoning'),
  call: stateLoss('thought_signature'),
}

/** The signature put back beside whatever else stands in `extra_content`. */
function withExtra(bare: JsonObject, signature: string): JsonObject {
  const { extra_content: own } = callSignature(signature)
  const others = bare['extra_content']
  if (!isJsonObject(others) || !isJsonObject(own)) return { extra_content: own }
  const theirs = others[SIGNER]
  const mine = own[SIGNER]
  const joined = isJsonObject(theirs) && isJsonObject(mine) ? { ...theirs, ...mine } : mine
  return { extra_content: { ...others, [SIGNER]: joined } }
}
