/**
 * The signature of a tool call, for which this dialect has no word of its own: Gemini's servers put it into
 * `extra_content.google.thought_signature` of the call, and want it back there.
 */

import type { ToolCallPart } from '../../canonical/message.ts'
import { openState, sealState } from '../../canonical/seal.ts'
import { type JsonObject, objectOf, stringOf } from '../../std/json.ts'

/** Who signs calls in this form. */
export const SIGNER = 'google'

export function readCallSignature(call: JsonObject): string | undefined {
  return stringOf(objectOf(objectOf(call['extra_content'])?.[SIGNER])?.['thought_signature']) || undefined
}

/** As a client sends it back: the maker is who its seal names, else the one whose field it stands in. */
export function openCallSignature(call: JsonObject): OpenedSignature {
  const text = readCallSignature(call)
  if (text === undefined) return {}
  const sealed = openState(text)
  if (sealed === undefined) return { signature: text, origin: SIGNER }
  return { signature: sealed.value, origin: sealed.origin, isSealed: true }
}

export interface OpenedSignature extends Pick<ToolCallPart, 'signature' | 'origin'> {
  readonly isSealed?: true
}

/** The member of a call that says its signature; sealed where its maker is named. */
export function callSignature(signature: string | undefined, origin?: string): JsonObject {
  if (!signature) return {}
  const said = origin === undefined ? signature : sealState({ origin, value: signature, kind: 'signature' })
  return { extra_content: { [SIGNER]: { thought_signature: said } } }
}

/** The call with what stands beside the signature in its `extra_content`, and without that where nothing does. */
export function withoutCallSignature(call: JsonObject): JsonObject {
  if (readCallSignature(call) === undefined) return call
  const { extra_content: extra, ...rest } = call
  const { [SIGNER]: own, ...others } = objectOf(extra) ?? {}
  const { thought_signature: _signature, ...ownRest } = objectOf(own) ?? {}
  const kept = { ...others, ...(Object.keys(ownRest).length === 0 ? {} : { [SIGNER]: ownRest }) }
  return Object.keys(kept).length === 0 ? rest : { ...rest, extra_content: kept }
}
