/** Where a text stops being UTF-8, for the message that refuses it. */

import { isUtf8 } from 'node:buffer'

const BLOCK_BYTES = 4_096
/** The most bytes of one code point. */
const CODE_POINT_BYTES_MAX = 4

/** The index of the first byte that begins no valid code point, or the length where all do. */
export function firstInvalidUtf8(bytes: Uint8Array): number {
  let position = 0
  while (position < bytes.length) {
    const end = codePointStart(bytes, Math.min(position + BLOCK_BYTES, bytes.length))
    if (end <= position || !isUtf8(bytes.subarray(position, end))) break
    position = end
  }
  while (position < bytes.length) {
    const length = codePointBytes(bytes, position)
    if (length === 0) return position
    position += length
  }
  return position
}

/** `index`, or the start of the code point that it would cut. */
function codePointStart(bytes: Uint8Array, index: number): number {
  let start = index
  while (start < bytes.length && start > index - CODE_POINT_BYTES_MAX && isContinuation(bytes[start]))
    start -= 1
  return start
}

/** The length of the code point at `position`; 0 where there is none. */
function codePointBytes(bytes: Uint8Array, position: number): number {
  for (let length = 1; length <= CODE_POINT_BYTES_MAX; length += 1) {
    if (position + length <= bytes.length && isUtf8(bytes.subarray(position, position + length)))
      return length
  }
  return 0
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}
