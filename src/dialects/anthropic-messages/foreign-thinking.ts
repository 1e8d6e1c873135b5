/**
 * State in thinking blocks that did not come from the target is taken out of a request that passes through: the target
 * would refuse it, and it is no business of anybody but its maker. State that the target made and that a client holds
 * sealed (canonical/seal.ts) is opened in place. All else keeps every byte, and a body without any is not even decoded.
 */

import type { Envelope, Span } from '../../canonical/envelope.ts'
import { openState, SEAL_PREFIX } from '../../canonical/seal.ts'
import { isJsonObject, type JsonObject, parseJson } from '../../std/json.ts'
import { asBuffer } from '../../wire/bytes.ts'
import { changeElements, DROP, type ElementChange, KEEP } from '../../wire/json-elements.ts'
import { decodeJsonValue, scanJsonObject, type Splice } from '../../wire/json-scan.ts'
import type { RequestPatch } from '../dialect.ts'

type Reader = Pick<RequestPatch, 'origin' | 'isForeign'>

/** The messages as the target may read them, as a splice; `undefined` where nothing has to change. */
export function replayableMessages(
  body: Uint8Array,
  envelope: Envelope,
  reader: Reader,
): Splice | undefined {
  const span = envelope.fields.get('messages')
  if (span === undefined || body[span.start] !== OPEN_BRACKET) return undefined
  if (!holdsForeignState(asBuffer(body.subarray(span.start, span.end)), reader)) return undefined
  const changed = changeElements(body, span, (message) => changeMessage(body, message, reader))
  return changed === undefined ? undefined : { ...span, text: changed.text }
}

const OPEN_BRACKET = 0x5b
const QUOTE = 0x22
const BACKSLASH = 0x5c
const SIGNATURE = Buffer.from('"signature"')
const REDACTED = Buffer.from('"redacted_thinking"')

/** Native searches and a look at each signature found; inside of strings, quotes are escaped and match nothing. */
function holdsForeignState(messages: Buffer, reader: Reader): boolean {
  if (messages.includes(SEAL_PREFIX)) return true
  if (reader.isForeign && messages.includes(REDACTED)) return true
  let at = messages.indexOf(SIGNATURE)
  while (at >= 0) {
    const start = startOfString(messages, at + SIGNATURE.length)
    const end = start === undefined ? -1 : messages.indexOf(QUOTE, start)
    if (start !== undefined && isSuspect(messages.subarray(start, end), reader)) return true
    at = messages.indexOf(SIGNATURE, Math.max(end, at + SIGNATURE.length))
  }
  return false
}

/** Empty, known to be another's, or spelled with escapes, which no signature is and so is looked at closely. */
function isSuspect(signature: Buffer, { isForeign }: Reader): boolean {
  if (signature.length === 0 || signature.includes(BACKSLASH)) return true
  return isForeign?.(signature.toString('latin1')) ?? false
}

/** The first byte of the string value that follows a key. */
function startOfString(bytes: Buffer, afterKey: number): number | undefined {
  let at = afterKey
  while (isSpaceOrColon(bytes[at])) at += 1
  return bytes[at] === QUOTE ? at + 1 : undefined
}

function isSpaceOrColon(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x3a || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** A message that held nothing else goes. */
function changeMessage(body: Uint8Array, message: Span, reader: Reader): ElementChange {
  const bytes = body.subarray(message.start, message.end)
  if (bytes[0] !== OPEN_BRACE) return KEEP
  const { fields } = scanJsonObject(bytes)
  const content = fields.get('content')
  const role = fields.get('role')
  const isAssistant = role !== undefined && decodeJsonValue(bytes, role) === 'assistant'
  if (!isAssistant || content === undefined || bytes[content.start] !== OPEN_BRACKET) return KEEP
  const changed = changeElements(bytes, content, (block) => changeBlock(bytes, block, reader))
  if (changed === undefined) return KEEP
  if (changed.count === 0) return DROP
  const text = asBuffer(bytes)
  const before = text.toString('utf8', 0, content.start)
  return { type: 'say', text: before + changed.text + text.toString('utf8', content.end) }
}

const OPEN_BRACE = 0x7b

function changeBlock(bytes: Uint8Array, span: Span, reader: Reader): ElementChange {
  const block = parseJson(asBuffer(bytes).toString('utf8', span.start, span.end))
  if (!isJsonObject(block)) return KEEP
  switch (block['type']) {
    case 'thinking':
      return changeState(block, 'signature', reader)
    case 'redacted_thinking':
      return changeState(block, 'data', reader)
    default:
      return KEEP
  }
}

/** Reasoning without a signature was shown by us in another provider's name: nobody takes it back. */
function changeState(block: JsonObject, field: 'signature' | 'data', reader: Reader): ElementChange {
  const state = block[field]
  if (typeof state !== 'string') return KEEP
  if (state === '') return DROP
  const sealed = openState(state)
  if (sealed === undefined) return reader.isForeign?.(state) ? DROP : KEEP
  const fitting = field === 'signature' ? 'signature' : 'encrypted'
  const isReadable = sealed.origin === reader.origin && (sealed.kind ?? fitting) === fitting
  if (isReadable) return { type: 'say', text: JSON.stringify({ ...block, [field]: sealed.value }) }
  return DROP
}
