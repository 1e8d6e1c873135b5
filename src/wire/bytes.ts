/** The two things every reader of bytes here needs: native search, and Node's own view of any bytes. */

/** A `Buffer` over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The index of the next `byte` at or after `position`, or the length where there is none. */
export function indexOrLength(bytes: Buffer, byte: number, position: number): number {
  const index = bytes.indexOf(byte, position)
  return index < 0 ? bytes.length : index
}
