/**
 * What of a request decides its answer. Left out is how the answer travels, and the one line of a client that changes with
 * every request and means nothing: with it, no two requests would ever be the same.
 */

import { isJsonObject, type JsonObject } from '../std/json.ts'

/** Whether the answer is streamed, and with what beside it. */
const TRAVEL_FIELDS: ReadonlySet<string> = new Set(['stream', 'stream_options'])
/** How Claude Code's attribution block begins. */
const ATTRIBUTION = 'x-anthropic-billing-header:'

/** The decoded body without what does not decide its answer. */
export function requestIdentity(body: JsonObject): JsonObject {
  const kept = Object.fromEntries(Object.entries(body).filter(([name]) => !TRAVEL_FIELDS.has(name)))
  const { system } = kept
  if (Array.isArray(system) && isAttribution(system[0])) return { ...kept, system: system.slice(1) }
  return kept
}

function isAttribution(block: unknown): boolean {
  return isJsonObject(block) && typeof block['text'] === 'string' && block['text'].startsWith(ATTRIBUTION)
}
