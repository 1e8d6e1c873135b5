/**
 * Some providers sign tool calls and refuse a conversation in which a call lacks its signature (Gemini), while many
 * clients of other dialects send back of a call only what they know: its id, name and arguments. So signatures are
 * remembered by the call they belong to and put back.
 */

import type { Message, Part, ToolCallPart } from '../canonical/message.ts'
import type { InferenceRequest } from '../canonical/request.ts'
import { RecentMap } from './recent-map.ts'

export const CALLS_REMEMBERED_MAX = 50_000
/** A longer signature is not remembered. */
export const SIGNATURE_BYTES_MAX = 16_384
/** Nor one of a call whose id and name together are longer. */
export const CALL_CHARS_MAX = 1_024
/** All signatures together. */
export const SIGNATURES_BYTES_MAX = 64 * 1024 * 1024

export interface SignedCall {
  readonly id: string
  readonly name: string
  readonly signature: string
  readonly origin: string
}

export interface ToolCallSignatures {
  remember(call: SignedCall): void
  /** The signature of a call, if it was made by `origin`. */
  find(call: Pick<SignedCall, 'id' | 'name' | 'origin'>): string | undefined
}

interface Known {
  readonly signature: string
  readonly origin: string
}

export function createToolCallSignatures({
  entriesMax = CALLS_REMEMBERED_MAX,
  bytesMax = SIGNATURES_BYTES_MAX,
} = {}): ToolCallSignatures {
  const calls = new RecentMap<Known>({ entriesMax, bytesMax, bytesOf: (known) => known.signature.length })
  return {
    remember({ id, name, signature, origin }) {
      if (id === '' || signature === '' || signature.length > SIGNATURE_BYTES_MAX) return
      if (id.length + name.length > CALL_CHARS_MAX) return
      calls.set(keyOf({ id, name }), { signature, origin })
    },
    find({ id, name, origin }) {
      const known = calls.get(keyOf({ id, name }))
      return known?.origin === origin ? known.signature : undefined
    },
  }
}

/** With the name, since some servers number their calls from the start in each answer. */
function keyOf({ id, name }: { readonly id: string; readonly name: string }): string {
  return `${id}\n${name}`
}

/** The request with the signatures that `origin` made put back on calls that lack theirs; itself where there is none. */
export function restoreSignatures(
  request: InferenceRequest,
  { origin, calls }: { readonly origin: string; readonly calls: ToolCallSignatures },
): InferenceRequest {
  const messages = request.messages.map((message) => restoreMessage(message, { origin, calls }))
  const isSame = messages.every((message, index) => message === request.messages[index])
  return isSame ? request : { ...request, messages }
}

interface Memory {
  readonly origin: string
  readonly calls: ToolCallSignatures
}

function restoreMessage(message: Message, memory: Memory): Message {
  if (message.role !== 'assistant') return message
  const parts = message.parts.map((part) => restorePart(part, memory))
  return parts.every((part, index) => part === message.parts[index]) ? message : { ...message, parts }
}

function restorePart(part: Part, { origin, calls }: Memory): Part {
  if (part.type !== 'tool-call' || part.signature !== undefined) return part
  const signature = calls.find({ id: part.id, name: part.name, origin })
  if (signature === undefined) return part
  const restored: ToolCallPart = { ...part, signature, origin }
  return restored
}
