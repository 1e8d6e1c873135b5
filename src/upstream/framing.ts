/**
 * What an answer's body is, by its content type and, since content types lie or are missing, by its first byte that is
 * not white space. JSON never begins as an event-stream line does, so one byte tells them apart.
 */

import type { StreamFraming } from '../dialects/dialect.ts'

/** What the content type claims: `foreign` is something no provider of ours would answer with (a web page, a picture). */
export type DeclaredBody = 'json' | 'sse' | 'eventstream' | 'unknown' | 'foreign'

/** One JSON document, or a stream of events in the dialect's own framing. */
export type Framing = 'json' | 'stream'

export function declaredBody(contentType: string | undefined): DeclaredBody {
  const end = contentType?.indexOf(';') ?? -1
  const type = (end === -1 ? contentType : contentType?.slice(0, end))?.trim().toLowerCase()
  switch (type) {
    case 'application/json':
    case 'application/x-ndjson':
    case 'application/jsonl':
    case 'text/json':
      return 'json'
    case 'text/event-stream':
      return 'sse'
    case 'application/vnd.amazon.eventstream':
      return 'eventstream'
    case undefined:
    case '':
    case 'text/plain':
    case 'application/octet-stream':
    case 'binary/octet-stream':
      return 'unknown'
    default:
      return type.endsWith('+json') ? 'json' : 'foreign'
  }
}

/** Where the body really begins: after white space (keep-alives, fault 45) and a byte order mark; -1 if not in this chunk. */
export function firstByteAt(chunk: Uint8Array): number {
  return chunk.findIndex((byte) => !isSkipped(byte))
}

/** The frames of AWS's binary streams begin with any byte: only the content type tells. */
export function isBinaryStream(declared: DeclaredBody): boolean {
  return declared === 'eventstream'
}

/**
 * The framing of a body of this type that begins with this byte; `undefined` where it is neither. `asked`: how the stream
 * that was asked for would be framed; absent where none was. Lines of JSON begin as one document does.
 */
export function framingOf(
  declared: DeclaredBody,
  firstByte: number,
  asked?: StreamFraming,
): Framing | undefined {
  const character = String.fromCharCode(firstByte)
  if (character === '{') return asked === 'ndjson' ? 'stream' : 'json'
  if (character === '[') return 'json'
  // A line of an event stream: a comment, or data, event, error, id, retry.
  if (':deir'.includes(character)) return 'stream'
  if (character === '<' || declared === 'unknown' || declared === 'foreign') return undefined
  return declared === 'json' ? 'json' : 'stream'
}

function isSkipped(byte: number): boolean {
  return (
    byte === 0x0a ||
    byte === 0x0d ||
    byte === 0x20 ||
    byte === 0x09 ||
    byte === 0xef ||
    byte === 0xbb ||
    byte === 0xbf
  )
}
