/** Facts and bytes as one run of bytes, to be kept together: the length of the facts, the facts as JSON, the bytes. */

import { isJsonObject, type JsonObject, parseJson } from './json.ts'

const LENGTH_BYTES = 4

export interface Framed {
  readonly head: JsonObject
  readonly body: Uint8Array
}

export function frame(head: object, ...bodies: readonly Uint8Array[]): Uint8Array {
  const text = Buffer.from(JSON.stringify(head))
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, text, ...bodies])
}

/** `undefined` where the bytes are no frame. */
export function unframe(bytes: Uint8Array): Framed | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (buffer.length < LENGTH_BYTES) return undefined
  const bodyStart = LENGTH_BYTES + buffer.readUInt32BE()
  if (bodyStart > buffer.length) return undefined
  const head = parseJson(buffer.toString('utf8', LENGTH_BYTES, bodyStart))
  return isJsonObject(head) ? { head, body: buffer.subarray(bodyStart) } : undefined
}
