/**
 * Reasoning whose proof another maker sealed or signed: the target cannot read it and would refuse the request. It is
 * taken out of a request that passes through, and what was sealed for the target is opened; a request without any
 * encrypted reasoning is not even decoded.
 */

import type { Envelope } from '../../canonical/envelope.ts'
import { isJsonObject, type JsonObject, type JsonValue, stringOf } from '../../std/json.ts'
import { decodeJsonValue, type Splice } from '../../wire/json-scan.ts'
import type { RequestPatch } from '../dialect.ts'
import { openProof } from './sealed-reasoning.ts'

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
  if (opened === undefined) return patch.isForeign?.(encrypted) === true ? undefined : item
  const isTheirs = opened.origin === patch.origin && opened.proof.kind === 'encrypted'
  const read: JsonObject = { ...item, encrypted_content: opened.proof.value }
  return isTheirs ? read : undefined
}
