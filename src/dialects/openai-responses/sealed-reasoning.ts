/**
 * State of other makers on its way through a client of this dialect: it travels as the `encrypted_content` of a reasoning
 * item, which clients send back unread. What kind of proof it is, and what it proves, is said inside the seal.
 */

import { openState, sealState } from '../../canonical/seal.ts'
import { isJsonObject, parseJson, stringOf } from '../../std/json.ts'

/** What one `encrypted_content` holds. */
export type SealedProof =
  /** Reasoning that its maker encrypted. */
  | { readonly kind: 'encrypted'; readonly value: string }
  /** The signature of the reasoning in the same item. */
  | { readonly kind: 'signature'; readonly value: string }
  /** The signature of the text before the item. */
  | { readonly kind: 'text-signature'; readonly value: string }
  /** The signature of the tool call of this id. */
  | { readonly kind: 'call-signature'; readonly value: string; readonly callId: string }

/** Without an origin there is nothing to seal with: only what is encrypted can stand as it is. */
export function sealProof(proof: SealedProof, origin: string | undefined): string | undefined {
  if (origin === undefined) return proof.kind === 'encrypted' ? proof.value : undefined
  return sealState({ origin, value: JSON.stringify(proof) })
}

/** What a seal of ours holds; `undefined` where the text is a provider's own. */
export function openProof(
  text: string,
): { readonly origin: string; readonly proof: SealedProof } | undefined {
  const opened = openState(text)
  const proof = opened === undefined ? undefined : readProof(parseJson(opened.value))
  return opened === undefined || proof === undefined ? undefined : { origin: opened.origin, proof }
}

function readProof(value: unknown): SealedProof | undefined {
  if (!isJsonObject(value)) return undefined
  const { kind } = value
  const text = stringOf(value['value'])
  if (text === undefined) return undefined
  if (kind === 'encrypted' || kind === 'signature' || kind === 'text-signature') return { kind, value: text }
  const callId = stringOf(value['callId'])
  return kind === 'call-signature' && callId !== undefined ? { kind, value: text, callId } : undefined
}
