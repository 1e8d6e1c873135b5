/** How much text a stream that broke off had brought, for whoever must say what it cost. */

import type { InferenceEvent } from '../canonical/event.ts'
import type { InferenceResult } from '../canonical/result.ts'
import { unfold } from '../canonical/unfold.ts'
import type { Dialect } from '../dialects/dialect.ts'

/** Events carry at least so many bytes for each of text, in every dialect. */
const BYTES_A_TEXT_BYTE = 8

/** As much text as so many bytes of events can have brought. */
export function textBytesWithin(bytes: number): number {
  return Math.ceil(bytes / BYTES_A_TEXT_BYTE)
}

/** Bytes of everything a model wrote in these chunks of the client's dialect: words, thoughts, arguments. */
export function textBytesOf(chunks: readonly Uint8Array[], dialect: Dialect): number {
  const reader = dialect.createStreamReader()
  let bytes = 0
  try {
    for (const chunk of chunks)
      for (const event of reader.read(chunk)) bytes += Buffer.byteLength(textIn(event))
    for (const event of reader.end()) bytes += Buffer.byteLength(textIn(event))
  } catch {
    // A stream that broke off may end in the middle of anything; what came before it was counted.
  }
  return bytes
}

/** The same of an answer in one piece. */
export function textBytesOfResult(result: InferenceResult): number {
  let bytes = 0
  for (const event of unfold(result)) bytes += Buffer.byteLength(textIn(event))
  return bytes
}

/** What a model wrote, of an event. */
export function textIn(event: InferenceEvent): string {
  switch (event.type) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'refusal-delta':
      return event.text
    case 'tool-call-delta':
      return event.argumentsDelta
    default:
      return ''
  }
}
