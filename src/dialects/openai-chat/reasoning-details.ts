/**
 * Proof of reasoning, and reasoning that is encrypted, in `reasoning_details`: the form in which OpenRouter hands them
 * on and several clients know to send them back. What we write there is sealed with its maker; an entry's `index` says
 * which piece of reasoning it belongs to, and tells the pieces of a stream apart.
 */

import type { ReasoningPart } from '../../canonical/message.ts'
import { openState, type SealedKind, sealState } from '../../canonical/seal.ts'
import { arrayOf, isJsonObject, type JsonObject, numberOf, stringOf } from '../../std/json.ts'

/** What of a piece of reasoning goes into the details. `text` is left out where it is known to stand elsewhere. */
export interface ProvenReasoning {
  readonly text?: string
  readonly signature?: string
  readonly encrypted?: string
}

/** The entries of one piece of reasoning; none where it has no proof. Without an origin they say what the maker said. */
export function writeDetails(
  { text, signature, encrypted }: ProvenReasoning,
  { index, origin }: { readonly index: number; readonly origin?: string },
): readonly JsonObject[] {
  if (!signature && !encrypted) return []
  const seal = (value: string, kind: SealedKind) =>
    origin === undefined ? value : sealState({ origin, value, kind })
  const said: JsonObject = {
    type: 'reasoning.text',
    ...(text ? { text } : {}),
    ...(signature ? { signature: seal(signature, 'signature') } : {}),
    index,
  }
  return [
    ...(text || signature ? [said] : []),
    ...(encrypted ? [{ type: 'reasoning.encrypted', data: seal(encrypted, 'encrypted'), index }] : []),
  ]
}

/** Whether an entry holds a seal of ours: the others are some server's own and stay as they are. */
export function isSealedDetail(detail: unknown): detail is JsonObject {
  if (!isJsonObject(detail)) return false
  return [detail['signature'], detail['data']].some(
    (state) => typeof state === 'string' && openState(state) !== undefined,
  )
}

/**
 * The reasoning of a message whose details hold seals, piece by piece; `undefined` where they hold none. `text` is all
 * of its reasoning in words: what no entry says was the first piece.
 */
export function readSealedReasoning(message: JsonObject, text: string): readonly ReasoningPart[] | undefined {
  const details = arrayOf(message['reasoning_details']).filter(isJsonObject)
  if (!details.some(isSealedDetail)) return undefined
  const pieces = new Map<unknown, ReasoningPart>()
  for (const [place, detail] of details.entries()) {
    const key = numberOf(detail['index']) ?? `place ${place}`
    pieces.set(key, withDetail(pieces.get(key) ?? { type: 'reasoning', text: '' }, detail))
  }
  const parts = [...pieces.values()]
  const said = parts.map((part) => part.text).join('')
  const rest = text.endsWith(said) ? text.slice(0, text.length - said.length) : ''
  const [first, ...others] = parts
  if (rest === '' || first === undefined) return parts
  return first.text === ''
    ? [{ ...first, text: rest }, ...others]
    : [{ type: 'reasoning', text: rest }, ...parts]
}

function withDetail(part: ReasoningPart, detail: JsonObject): ReasoningPart {
  const proof = openState(stringOf(detail['signature']) ?? '')
  const secret = openState(stringOf(detail['data']) ?? '')
  const origin = proof?.origin ?? secret?.origin ?? part.origin
  return {
    ...part,
    text: part.text + (stringOf(detail['text']) ?? ''),
    ...(proof === undefined ? {} : { signature: proof.value }),
    ...(secret === undefined ? {} : { encrypted: secret.value }),
    ...(origin === undefined ? {} : { origin }),
  }
}
