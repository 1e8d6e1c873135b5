/** One piece of bytes out of several; a single one is not copied. */
export function joinBytes(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)
}
