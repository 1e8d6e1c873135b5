/** What every reader of bytes here needs: native search, Node's own view of any bytes, and pieces put together without a copy. */

/** A `Buffer` over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** The index of the next `byte` at or after `position`, or the length where there is none. */
export function indexOrLength(bytes: Buffer, byte: number, position: number): number {
  const index = bytes.indexOf(byte, position)
  return index < 0 ? bytes.length : index
}

const NOTHING = new Uint8Array(0)

/** The slices as one piece: neighbours in one chunk, the common case, are one slice of it and need no copy. */
export function joinSlices(slices: readonly Uint8Array[]): Uint8Array {
  const [first] = slices
  if (first === undefined) return NOTHING
  if (slices.length === 1) return first
  let end = first.byteOffset + first.byteLength
  for (let index = 1; index < slices.length; index += 1) {
    const slice = slices[index]
    if (slice === undefined || slice.buffer !== first.buffer || slice.byteOffset !== end)
      return Buffer.concat(slices)
    end += slice.byteLength
  }
  return new Uint8Array(first.buffer, first.byteOffset, end - first.byteOffset)
}
