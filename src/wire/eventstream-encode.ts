/** One message as a frame of an AWS event stream; all headers are text, as AWS's own are. */

import { crc32 } from 'node:zlib'

const TYPE_TEXT = 7
const PRELUDE_BYTES = 12
const CHECKSUM_BYTES = 4

export function encodeEventStream(
  headers: Readonly<Record<string, string>>,
  payload: Uint8Array = new Uint8Array(),
): Uint8Array {
  const head = Buffer.concat(Object.entries(headers).map(([name, value]) => encodeHeader(name, value)))
  const frame = Buffer.alloc(PRELUDE_BYTES + head.length + payload.length + CHECKSUM_BYTES)
  frame.writeUInt32BE(frame.length, 0)
  frame.writeUInt32BE(head.length, 4)
  frame.writeUInt32BE(crc32(frame.subarray(0, 8)), 8)
  frame.set(head, PRELUDE_BYTES)
  frame.set(payload, PRELUDE_BYTES + head.length)
  const end = frame.length - CHECKSUM_BYTES
  frame.writeUInt32BE(crc32(frame.subarray(0, end)), end)
  return frame
}

function encodeHeader(name: string, value: string): Buffer {
  const nameBytes = Buffer.from(name)
  const valueBytes = Buffer.from(value)
  const size = Buffer.alloc(3)
  size.writeUInt8(TYPE_TEXT, 0)
  size.writeUInt16BE(valueBytes.length, 1)
  return Buffer.concat([Buffer.of(nameBytes.length), nameBytes, size, valueBytes])
}
