/**
 * What keeps requests together that begin with the same prompt, so that a provider's prompt cache is warm for them: the
 * caller, the system's words, and the first message after them. Later turns of a conversation begin alike.
 */

import { createHash } from 'node:crypto'
import type { Envelope, Span } from '../canonical/envelope.ts'
import { asBuffer } from '../wire/bytes.ts'
import { elementSpans } from '../wire/json-elements.ts'

/** Bytes of each part that count; prompts that differ later are alike. */
export const AFFINITY_PART_BYTES_MAX = 4_096
/** Bytes of the list of messages that are searched for where its first ones end. */
const SCANNED_BYTES_MAX = 65_536

const systemFields = ['system', 'instructions', 'systemInstruction', 'system_instruction']
const promptFields = ['messages', 'input', 'contents', 'prompt']

/** `undefined` where the request has no prompt at its top level. */
export function affinityKeyOf(
  { fields }: Pick<Envelope, 'fields'>,
  body: Uint8Array,
  callerKey = '',
): string | undefined {
  const bytes = asBuffer(body)
  const parts = [
    ...systemFields.flatMap((name) => fields.get(name) ?? []),
    ...promptFields.flatMap((name) => beginnings(bytes, fields.get(name))),
  ]
  if (parts.length === 0) return undefined
  const hash = createHash('sha256').update(callerKey)
  for (const part of parts) hash.update('\n').update(begun(bytes, part))
  return hash.digest('base64url')
}

/** A text is one part; of a list the first message counts, and the second where the first is the system's. */
function beginnings(bytes: Buffer, span: Span | undefined): readonly Span[] {
  if (span === undefined) return []
  if (bytes[span.start] !== OPEN_BRACKET) return [span]
  const scanned = { start: span.start, end: Math.min(span.end, span.start + SCANNED_BYTES_MAX) }
  const [first, second] = elementSpans(bytes, scanned)
  // What does not end where it is searched for is long enough to tell by its beginning.
  if (first === undefined) return [{ start: span.start + 1, end: span.end }]
  return isSystems(bytes, first) ? [first, second ?? { start: first.end + 1, end: span.end }] : [first]
}

const OPEN_BRACKET = 0x5b

/** A quoted word inside a text is escaped there, and does not look like this. */
function isSystems(bytes: Buffer, span: Span): boolean {
  return /"role"\s*:\s*"(?:system|developer)"/.test(begun(bytes, span).toString('latin1'))
}

function begun(bytes: Buffer, { start, end }: Span): Buffer {
  return bytes.subarray(start, Math.min(end, start + AFFINITY_PART_BYTES_MAX))
}

/** Where a key and a name meet, in (0, 1): FNV-1a over both, finished as murmur is, so that like names spread. */
export function affinityHash(key: string, name: string): number {
  let hash = 0x811c9dc5
  for (const text of [key, '\n', name]) {
    for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (((hash ^ (hash >>> 16)) >>> 0) + 0.5) / 4_294_967_296
}
