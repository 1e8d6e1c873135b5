/**
 * State in thinking blocks that did not come from the target is taken out of a request that passes through: the target
 * would refuse it, and it is no business of anybody but its maker. State that the target made and that a client holds
 * sealed (canonical/seal.ts) is opened in place. All else keeps every byte, and a body without any is not even decoded.
 */

import type { Envelope, Span } from '../../canonical/envelope.ts'
import type { Loss } from '../../canonical/loss.ts'
import { openState, SEAL_MARK } from '../../canonical/seal.ts'
import { stateLoss } from '../../canonical/state-losses.ts'
import { arrayOf, isJsonObject, type JsonObject, parseJson } from '../../std/json.ts'
import { asBuffer } from '../../wire/bytes.ts'
import { changeElements, DROP, type ElementChange, KEEP } from '../../wire/json-elements.ts'
import { decodeJsonValue, scanJsonObject, type Splice } from '../../wire/json-scan.ts'
import type { RequestPatch } from '../dialect.ts'

type Reader = Pick<RequestPatch, 'origin' | 'isForeign' | 'onLoss'>

/** The messages as the target may read them, as a splice; `undefined` where nothing has to change. */
export function replayableMessages(body: Uint8Array, envelope: Envelope, reader: Reader): Splice | undefined {
  const span = envelope.fields.get('messages')
  if (span === undefined || body[span.start] !== OPEN_BRACKET) return undefined
  if (!holdsForeignState(asBuffer(body.subarray(span.start, span.end)), reader)) return undefined
  const changed = changeElements(body, span, (message) => changeMessage(body, message, reader))
  return changed === undefined ? undefined : { ...span, text: changed.text }
}

/**
 * With a budget, Anthropic refuses a turn whose tools are being answered and that does not begin with its own thinking:
 * where that was another's and is gone, the rest of the turn goes without. `messages` is what is left.
 */
export function switchedOffThinking(
  body: Uint8Array,
  envelope: Envelope,
  { messages, onLoss }: { readonly messages: string; readonly onLoss?: RequestPatch['onLoss'] },
): Splice | undefined {
  const span = envelope.fields.get('thinking')
  const thinking = span && decodeJsonValue(body, span)
  if (span === undefined || !isJsonObject(thinking) || thinking['type'] !== 'enabled') return undefined
  if (!lacksThinking(arrayOf(parseJson(messages)).filter(isJsonObject))) return undefined
  onLoss?.({
    field: 'thinking',
    reason: 'The last tool call carries no thinking of the provider that is asked to go on.',
  })
  return { ...span, text: '{"type":"disabled"}' }
}

/** Whether the turn that the last message's tool results belong to has no thinking. */
function lacksThinking(messages: readonly JsonObject[]): boolean {
  const last = messages.at(-1)
  if (last === undefined || !holds(last, ['tool_result'])) return false
  const asked = messages.findLastIndex((one) => one['role'] === 'user' && !holds(one, ['tool_result']))
  return !messages.slice(asked + 1).some((one) => holds(one, ['thinking', 'redacted_thinking']))
}

function holds({ content }: JsonObject, types: readonly string[]): boolean {
  return arrayOf(content).some((block) => isJsonObject(block) && types.some((type) => block['type'] === type))
}

const OPEN_BRACKET = 0x5b
const QUOTE = 0x22
const BACKSLASH = 0x5c
const SIGNATURE = Buffer.from('"signature"')
const SEAL = Buffer.from(SEAL_MARK)
const REDACTED = Buffer.from('"redacted_thinking"')

/** Native searches and a look at each signature found; inside of strings, quotes are escaped and match nothing. */
function holdsForeignState(messages: Buffer, reader: Reader): boolean {
  if (messages.includes(SEAL)) return true
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
  const sealed = openState(state)
  if ((sealed?.value ?? state) === '') return dropped(losses.words, reader)
  const fitting = field === 'signature' ? 'signature' : 'encrypted'
  if (sealed !== undefined && sealed.origin === reader.origin && (sealed.kind ?? fitting) === fitting) {
    return { type: 'say', text: JSON.stringify({ ...block, [field]: sealed.value }) }
  }
  if (sealed === undefined && !reader.isForeign?.(state)) return KEEP
  // A signature that travelled on behalf of the block after it is put back there by those who can read it.
  return dropped(losses[sealed?.kind === 'next' ? 'next' : fitting], reader)
}

function dropped(loss: Loss, { onLoss }: Reader): ElementChange {
  onLoss?.(loss)
  return DROP
}

const losses = {
  words: stateLoss('reasoning'),
  signature: stateLoss('reasoning_signature'),
  encrypted: stateLoss('encrypted_reasoning'),
  next: stateLoss('thought_signature'),
}
