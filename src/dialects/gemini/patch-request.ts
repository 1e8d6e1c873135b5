/**
 * The client's own bytes: the model travels in the path, so that nothing needs to change but thought signatures. What the
 * target made and a client holds sealed (canonical/seal.ts) is opened in place, and what another made is taken out: the
 * target would refuse it. All else keeps every byte, and a request without any signature is not even decoded.
 */

import type { Envelope, Span } from '../../canonical/envelope.ts'
import { openState, SEAL_MARK, type SealedState } from '../../canonical/seal.ts'
import { stateLoss } from '../../canonical/state-losses.ts'
import { isJsonObject, type JsonObject, parseJson, stringOf } from '../../std/json.ts'
import { asBuffer } from '../../wire/bytes.ts'
import { changeElements, DROP, type ElementChange, KEEP } from '../../wire/json-elements.ts'
import { scanJsonObject, type Splice, spliceBytes } from '../../wire/json-scan.ts'
import type { RequestPatch } from '../dialect.ts'
import { fieldOf } from './fields.ts'
import { resourceName } from './resource-name.ts'
import { isPlaceholderSignature, PLACEHOLDER_SIGNATURE, wantsSignatures } from './thought-signatures.ts'

export function patchRequest(body: Uint8Array, envelope: Envelope, patch: RequestPatch): Uint8Array {
  const wrapped =
    envelope.fields.get('generateContentRequest') ?? envelope.fields.get('generate_content_request')
  if (wrapped === undefined || body[wrapped.start] !== OPEN_BRACE)
    return spliceBytes(body, changesOf(body, envelope.fields, patch))
  // A request that is only counted names its model again, and Google counts for that one.
  const inner = body.subarray(wrapped.start, wrapped.end)
  const { fields } = scanJsonObject(inner)
  const changes = [...changesOf(inner, fields, patch), ...renamedModel(fields, { envelope, patch })]
  if (changes.length === 0) return spliceBytes(body, [])
  return spliceBytes(body, [{ ...wrapped, text: textOf(spliceBytes(inner, changes)) }])
}

type Fields = Envelope['fields']

function changesOf(body: Uint8Array, fields: Fields, patch: RequestPatch): readonly Splice[] {
  const isStateJudged = patch.origin !== undefined || patch.isForeign !== undefined
  const contents = isStateJudged ? readableContents(body, fields, patch) : undefined
  return contents === undefined ? [] : [contents]
}

function renamedModel(
  fields: Fields,
  { envelope, patch }: { readonly envelope: Envelope; readonly patch: RequestPatch },
): readonly Splice[] {
  const span = fields.get('model')
  if (span === undefined || patch.modelId === envelope.modelId) return []
  return [{ ...span, text: JSON.stringify(resourceName(patch.modelId)) }]
}

function textOf(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('utf8')
}

const OPEN_BRACKET = 0x5b
const OPEN_BRACE = 0x7b
const SEAL = Buffer.from(SEAL_MARK)
const SIGNATURES = [Buffer.from('"thoughtSignature"'), Buffer.from('"thought_signature"')]

/** The contents as the target may read them, as a splice; `undefined` where nothing has to change. */
function readableContents(body: Uint8Array, fields: Fields, patch: RequestPatch): Splice | undefined {
  const span = fields.get('contents')
  if (span === undefined || !mayHoldState(asBuffer(body.subarray(span.start, span.end)), patch))
    return undefined
  if (body[span.start] === OPEN_BRACE) return changeSoleContent(body, span, patch)
  const changed = changeElements(body, span, (content) => changeContent(body, content, patch))
  return changed === undefined ? undefined : { ...span, text: changed.text }
}

function mayHoldState(contents: Buffer, patch: RequestPatch): boolean {
  if (contents.includes(SEAL)) return true
  return patch.isForeign !== undefined && SIGNATURES.some((name) => contents.includes(name))
}

function changeSoleContent(body: Uint8Array, span: Span, patch: RequestPatch): Splice | undefined {
  const change = changeContent(body, span, patch)
  return change.type === 'say' ? { ...span, text: change.text } : undefined
}

function changeContent(body: Uint8Array, content: Span, patch: RequestPatch): ElementChange {
  const bytes = body.subarray(content.start, content.end)
  if (bytes[0] !== OPEN_BRACE) return KEEP
  const parts = scanJsonObject(bytes).fields.get('parts')
  if (parts === undefined || bytes[parts.start] !== OPEN_BRACKET) return KEEP
  const changed = changeElements(bytes, parts, ({ start, end }) => {
    const part = parseJson(asBuffer(bytes).toString('utf8', start, end))
    return isJsonObject(part) ? changePart(part, patch) : KEEP
  })
  if (changed === undefined) return KEEP
  // A content must have a part.
  const text = changed.count === 0 ? '[{"text":""}]' : changed.text
  return { type: 'say', text: textOf(spliceBytes(bytes, [{ ...parts, text }])) }
}

function changePart(part: JsonObject, patch: RequestPatch): ElementChange {
  const signature = stringOf(fieldOf(part, 'thoughtSignature'))
  if (signature === undefined || isPlaceholderSignature(signature)) return KEEP
  const sealed = openState(signature)
  if (sealed === undefined && patch.isForeign?.(signature) !== true) return KEEP
  const { thoughtSignature: _camel, thought_signature: _snake, ...rest } = part
  if (sealed !== undefined && sealed.origin === patch.origin && sealed.kind !== 'encrypted')
    return sealed.value === '' ? withoutEmpty(rest) : said({ ...rest, thoughtSignature: sealed.value })
  patch.onLoss?.(lossOf(part, sealed))
  return withoutProof(rest, patch)
}

/** An empty seal says only whose the words before it are. */
function withoutEmpty(part: JsonObject): ElementChange {
  return part['text'] === '' ? DROP : said(part)
}

function lossOf(part: JsonObject, sealed: SealedState | undefined) {
  if (part['thought'] !== true) return stateLoss('thought_signature')
  return stateLoss(sealed?.kind === 'encrypted' ? 'encrypted_reasoning' : 'reasoning_signature')
}

/** Another's thought is of no use without its proof; text and calls go on without it. */
function withoutProof(part: JsonObject, patch: RequestPatch): ElementChange {
  if (part['thought'] === true || part['text'] === '') return DROP
  const isCall = fieldOf(part, 'functionCall') !== undefined
  return said(
    isCall && wantsSignatures(patch.modelId) ? { ...part, thoughtSignature: PLACEHOLDER_SIGNATURE } : part,
  )
}

function said(part: JsonObject): ElementChange {
  return { type: 'say', text: JSON.stringify(part) }
}
