/**
 * Reasoning whose proof another maker sealed or signed: the target cannot read it and would refuse the request. It is
 * taken out of a request that passes through, and what was sealed for the target is opened; a request without any
 * encrypted reasoning is not even decoded.
 */

import type { Envelope } from '../../canonical/envelope.ts'
import { stateLoss } from '../../canonical/state-losses.ts'
import { isJsonObject, type JsonObject, type JsonValue, stringOf } from '../../std/json.ts'
import { decodeJsonValue, type Splice } from '../../wire/json-scan.ts'
import type { RequestPatch } from '../dialect.ts'
import { openProof, type SealedProof } from './sealed-reasoning.ts'

const ENCRYPTED = Buffer.from('encrypted_content')

/** The input as the target can read it, as a splice; `undefined` where it already is. */
export function readableInput(body: Uint8Array, envelope: Envelope, patch: RequestPatch): Splice | undefined {
  const span = envelope.fields.get('input')
  if (span === undefined) return undefined
  const bytes = Buffer.from(body.buffer, body.byteOffset + span.start, span.end - span.start)
  if (!bytes.includes(ENCRYPTED)) return undefined
  const input = decodeJsonValue(body, span)
  if (!Array.isArray(input)) return undefined
  const readable = input.map((item: JsonValue) => readableItem(item, patch))
  if (readable.every((item, index) => item === input[index])) return undefined
  return { ...span, text: JSON.stringify(readable.filter((item) => item !== undefined)) }
}

/** The item itself, the item with its seal opened, or nothing. */
function readableItem(item: JsonValue, patch: RequestPatch): JsonValue | undefined {
  if (!isJsonObject(item) || item['type'] !== 'reasoning') return item
  const encrypted = stringOf(item['encrypted_content'])
  if (!encrypted) return item
  const opened = openProof(encrypted)
  if (opened === undefined) return patch.isForeign?.(encrypted) === true ? lost('encrypted', patch) : item
  const { origin, proof } = opened
  if (origin !== patch.origin || proof.kind !== 'encrypted') return lost(proof.kind, patch)
  const read: JsonObject = { ...item, encrypted_content: proof.value }
  return read
}

function lost(kind: SealedProof['kind'], patch: RequestPatch): undefined {
  patch.onLoss?.(losses[kind])
}

const losses = {
  encrypted: stateLoss('encrypted_reasoning'),
  signature: stateLoss('reasoning_signature'),
  'text-signature': stateLoss('thought_signature'),
  'call-signature': stateLoss('thought_signature'),
} as const
