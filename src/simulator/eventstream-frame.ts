/** Writes one message of an AWS event stream: two lengths and their checksum, headers, payload, and the checksum of all. */

import { crc32 } from 'node:zlib'

const PRELUDE_BYTES = 12
const CHECKSUM_BYTES = 4
/** AWS's number for a header value that is text. */
const TYPE_TEXT = 7

/** `statedBytes`: the length it says it has, where that is not its own. */
export function frameEventStream(
  headers: Readonly<Record<string, string>>,
  payload: Uint8Array,
  statedBytes?: number,
): Buffer {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => headerBytes(name, value)))
  const length = PRELUDE_BYTES + head.length + payload.length + CHECKSUM_BYTES
  const prelude = Buffer.alloc(PRELUDE_BYTES)
  prelude.writeUInt32BE(statedBytes ?? length, 0)
  prelude.writeUInt32BE(head.length, 4)
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8)
  const message = Buffer.concat([prelude, head, payload])
  const checksum = Buffer.alloc(CHECKSUM_BYTES)
  checksum.writeUInt32BE(crc32(message), 0)
  return Buffer.concat([message, checksum])
}

function headerBytes(name: string, value: string): Buffer {
  const text = Buffer.from(value)
  const lead = Buffer.from([Buffer.byteLength(name), ...Buffer.from(name), TYPE_TEXT, 0, 0])
  lead.writeUInt16BE(text.length, lead.length - 2)
  return Buffer.concat([lead, text])
}
