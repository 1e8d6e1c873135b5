/** What answer blocks have in common, streamed or whole. */

import type { Citation } from '../../canonical/message.ts'
import { type SealedKind, sealState } from '../../canonical/seal.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../std/json.ts'
import type { LossList } from './losses.ts'
import { inputValue } from './raw-block.ts'
import { sanitiseToolId, UniqueIds } from './tool-ids.ts'
import { isOwnCitation } from './write-block.ts'

/** Tool-call ids of one answer: in Anthropic's alphabet, none empty, none twice. */
export class AnswerToolIds {
  readonly #unique = new UniqueIds()

  give(id: string, responseId: string): string {
    return this.#unique.give(sanitiseToolId(id) || sanitiseToolId(`toolu_${responseId}`))
  }
}

/** Citations of this API as they came; those of another are a loss. */
export function writeCitations(
  citations: readonly Citation[] | undefined,
  losses: LossList,
): readonly JsonValue[] {
  const own = (citations ?? []).filter(isOwnCitation)
  if (own.length < (citations?.length ?? 0)) {
    losses.add('annotations', 'A citation of the Messages API names a place in a document it knows.')
  }
  return own.map(({ raw }) => raw)
}

/** Arguments as a value; a custom tool's free text goes inside an object. */
export function answerInput(text: string, kind: string | undefined): JsonValue {
  return kind === 'custom' ? { input: text } : inputValue(text)
}

/**
 * Reasoning as a block. What another provider wrote has no signature; it is shown with an empty one, which every SDK
 * accepts, and when a client sends it back that emptiness tells it from what Anthropic would take.
 */
export function thinkingBlock(text: string, signature: string | undefined): JsonObject {
  return { type: 'thinking', thinking: text, signature: signature ?? '' }
}

/** How a piece of reasoning is proven and what of it is hidden, in this dialect's words. */
export interface WrittenProof {
  /** The signature of the thinking block. */
  readonly signature?: string
  /** The data of a block of redacted thinking after it. */
  readonly data?: string
}

export interface Proof {
  readonly signature?: string
  readonly encrypted?: string
}

/**
 * Sealed with its maker where that is known, words without proof too: some providers want them back (DeepSeek, Moonshot
 * refuse a tool's result without the reasoning that led to the call). What is encrypted and has words beside it (a summary) is sealed into the
 * block of those words, so that they come back together.
 */
export function writeProof(
  { signature, encrypted }: Proof,
  { hasText, origin }: { readonly hasText: boolean; readonly origin: string | undefined },
): WrittenProof {
  if (!signature && hasText && origin !== undefined) {
    const kind = encrypted ? 'encrypted' : 'signature'
    return { signature: sealed(encrypted ?? '', origin, kind) }
  }
  return {
    ...(signature ? { signature: sealed(signature, origin, 'signature') } : {}),
    ...(encrypted ? { data: sealed(encrypted, origin, 'encrypted') } : {}),
  }
}

/**
 * Other providers sign words and tool calls too, for which blocks of this dialect have no place: the signature travels in
 * a block of thinking without words just before. Without a maker's name it could not be told from thinking, and is lost.
 */
export function signatureBlock(
  signature: string | undefined,
  { origin, losses }: { readonly origin: string | undefined; readonly losses: LossList },
): JsonObject | undefined {
  if (!signature) return undefined
  if (origin !== undefined) return thinkingBlock('', sealed(signature, origin, 'next'))
  losses.add('thought_signature', 'A block of the Messages API that is no thinking has no signature.')
  return undefined
}

function sealed(value: string, origin: string | undefined, kind: SealedKind): string {
  return origin === undefined ? value : sealState({ origin, value, kind })
}

/** Blocks whose input streams: server tools and remote tools. */
export function hasStreamedInput(block: JsonObject): boolean {
  return typeof block['id'] === 'string' && isJsonObject(block['input'])
}
