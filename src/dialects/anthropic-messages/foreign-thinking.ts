/**
 * Thinking blocks with an empty signature are ours: they show an Anthropic client what another provider's model thought.
 * The client sends them back, and when the conversation then reaches Anthropic it refuses them. So they are taken out of
 * a request that passes through; a request without any is not even decoded.
 */

import type { Envelope } from '../../canonical/envelope.ts'
import { isJsonObject, type JsonObject } from '../../std/json.ts'
import { decodeJsonValue, type Splice } from '../../wire/json-scan.ts'

/** The messages without foreign thinking, as a splice; `undefined` where there is none. */
export function replayableMessages(body: Uint8Array, envelope: Envelope): Splice | undefined {
  const span = envelope.fields.get('messages')
  if (span === undefined || !mentionsEmptySignature(body.subarray(span.start, span.end))) return undefined
  const messages = decodeJsonValue(body, span)
  if (!Array.isArray(messages)) return undefined
  const kept = messages.flatMap(withoutForeignThinking)
  return kept.length === messages.length && kept.every((message, index) => message === messages[index])
    ? undefined
    : { ...span, text: JSON.stringify(kept) }
}

const SIGNATURE = Buffer.from('"signature"')

/** A native search for the key, then a look at the value's first two bytes. */
function mentionsEmptySignature(bytes: Uint8Array): boolean {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = buffer.indexOf(SIGNATURE)
  while (at >= 0) {
    let value = at + SIGNATURE.length
    while (isSpaceOrColon(buffer[value])) value += 1
    if (buffer[value] === 0x22 && buffer[value + 1] === 0x22) return true
    at = buffer.indexOf(SIGNATURE, value)
  }
  return false
}

function isSpaceOrColon(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x3a || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** The message itself where it holds none; nothing where it held nothing else. */
function withoutForeignThinking(message: unknown): readonly unknown[] {
  if (!isJsonObject(message) || message['role'] !== 'assistant') return [message]
  const { content } = message
  if (!Array.isArray(content)) return [message]
  const kept = content.filter((block) => !isForeignThinking(block))
  if (kept.length === content.length) return [message]
  const changed: JsonObject = { ...message, content: kept }
  return kept.length === 0 ? [] : [changed]
}

function isForeignThinking(block: unknown): boolean {
  return isJsonObject(block) && block['type'] === 'thinking' && block['signature'] === ''
}
