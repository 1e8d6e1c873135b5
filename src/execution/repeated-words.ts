/**
 * Keeps what a client said out of the log: a provider that refuses a request likes to repeat the part it refuses
 * (SEC-25). The client is told the provider's words as they are; only what is published goes through here.
 */

/** A shorter repetition is a name: of a field, of a model, of a tool. */
const REPETITION_BYTES = 24
/** To look through more costs more than a line of the log is worth. */
const REQUEST_BYTES_MAX = 4_194_304
const SIGN = Buffer.from('[from the request]')
const BASE = 0x01000193

/** The words without what they share with the request; `undefined` where the request is too large to compare with. */
export function withoutRepetitions(words: string, request: Uint8Array): string | undefined {
  if (request.length > REQUEST_BYTES_MAX) return undefined
  const text = Buffer.from(words)
  const starts = startsByHash(text)
  const isShared = new Uint8Array(text.length)
  for (const [hash] of starts.size === 0 ? [] : rollingHashes(request)) {
    for (const start of starts.get(hash) ?? []) isShared.fill(1, start, start + REPETITION_BYTES)
    if (starts.delete(hash) && starts.size === 0) break
  }
  return isShared.includes(1) ? withSigns(text, isShared) : words
}

function startsByHash(text: Uint8Array): Map<number, number[]> {
  const starts = new Map<number, number[]>()
  for (const [hash, start] of rollingHashes(text)) starts.set(hash, [...(starts.get(hash) ?? []), start])
  return starts
}
