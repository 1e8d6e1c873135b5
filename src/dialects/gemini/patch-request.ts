/**
 * The client's own bytes: the model travels in the path, so that nothing needs to change but thought signatures that the
 * target did not make and would refuse. A request without any is not even decoded.
 */

import type { Envelope } from '../../canonical/envelope.ts'
import { openState } from '../../canonical/seal.ts'
import { isJsonObject, type JsonObject, type JsonValue, stringOf } from '../../std/json.ts'
import { decodeJsonValue, type Splice, spliceBytes } from '../../wire/json-scan.ts'
import type { RequestPatch } from '../dialect.ts'
import { fieldOf } from './fields.ts'
import { isPlaceholderSignature, PLACEHOLDER_SIGNATURE, wantsSignatures } from './thought-signatures.ts'

export function patchRequest(body: Uint8Array, envelope: Envelope, patch: RequestPatch): Uint8Array {
  const contents = readableContents(body, envelope, patch)
  return spliceBytes(body, contents === undefined ? [] : [contents])
}

const SIGNATURES = [Buffer.from('thoughtSignature'), Buffer.from('thought_signature')]

function readableContents(body: Uint8Array, envelope: Envelope, patch: RequestPatch): Splice | undefined {
  const span = envelope.fields.get('contents')
  if (span === undefined || patch.origin === undefined) return undefined
  const bytes = Buffer.from(body.buffer, body.byteOffset + span.start, span.end - span.start)
  if (!SIGNATURES.some((name) => bytes.includes(name))) return undefined
  const contents = decodeJsonValue(body, span)
  if (!Array.isArray(contents)) return undefined
  let isChanged = false
  const readable = contents.map((content: JsonValue) => {
    const changed = readableContent(content, patch)
    isChanged ||= changed !== content
    return changed
  })
  return isChanged ? { ...span, text: JSON.stringify(readable) } : undefined
}

function readableContent(content: JsonValue, patch: RequestPatch): JsonValue {
  if (!isJsonObject(content) || !Array.isArray(content['parts'])) return content
  const { parts } = content
  const kept = parts.flatMap((part: JsonValue) => readablePart(part, patch))
  const isSame = kept.length === parts.length && kept.every((part, index) => part === parts[index])
  return isSame ? content : { ...content, parts: kept.length === 0 ? [{ text: '' }] : kept }
}

/** A thought without its proof is of no use; text and calls go on without it. */
function readablePart(part: JsonValue, patch: RequestPatch): readonly JsonValue[] {
  if (!isJsonObject(part)) return [part]
  const signature = stringOf(fieldOf(part, 'thoughtSignature'))
  if (signature === undefined || isPlaceholderSignature(signature)) return [part]
  const sealed = openState(signature)
  if (sealed === undefined && patch.isForeign?.(signature) !== true) return [part]
  const { thoughtSignature: _camel, thought_signature: _snake, ...rest } = part
  if (sealed !== undefined && sealed.origin === patch.origin && sealed.kind !== 'encrypted')
    return [{ ...rest, thoughtSignature: sealed.value }]
  return withoutProof(rest, patch)
}

function withoutProof(part: JsonObject, patch: RequestPatch): readonly JsonValue[] {
  if (part['thought'] === true) return []
  const isCall = fieldOf(part, 'functionCall') !== undefined
  if (!isCall) return part['text'] === '' ? [] : [part]
  return [wantsSignatures(patch.modelId) ? { ...part, thoughtSignature: PLACEHOLDER_SIGNATURE } : part]
}
