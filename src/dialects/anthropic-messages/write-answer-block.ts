/** What answer blocks have in common, streamed or whole. */

import type { Citation } from '../../canonical/message.ts'
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

/** Blocks whose input streams: server tools and remote tools. */
export function hasStreamedInput(block: JsonObject): boolean {
  return typeof block['id'] === 'string' && isJsonObject(block['input'])
}
