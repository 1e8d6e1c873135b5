/**
 * Keeps what a client said out of the log: a provider that refuses a request likes to repeat the part it refuses
 * (SEC-25). The client is told the provider's words as they are; only what is published goes through here.
 */

import type { GatewayError } from '../errors/gateway-error.ts'

/** A shorter repetition is a name: of a field, of a model, of a tool. */
const REPETITION_BYTES = 24
/** To look through more costs more than a line of the log is worth. */
const REQUEST_BYTES_MAX = 1_048_576
const SIGN = '[from the request]'

/** What may be published of a failure: our own words as they are, a provider's without what it repeats of the request. */
export function publishedWords(error: GatewayError, request: Uint8Array): string | undefined {
  return error.facts.upstreamMessage === undefined
    ? error.message
    : withoutRepetitions(error.message, request)
}

/** The words without what they share with the request; `undefined` where the request is too large to compare with. */
export function withoutRepetitions(words: string, request: Uint8Array): string | undefined {
  if (request.length > REQUEST_BYTES_MAX) return undefined
  const text = Buffer.from(words)
  const starts = new Map<number, number[]>()
  eachWindow(text, (hash, start) => starts.set(hash, [...(starts.get(hash) ?? []), start]))
  const isShared = new Uint8Array(text.length)
  eachWindow(request, (hash) => {
    for (const start of starts.get(hash) ?? []) isShared.fill(1, start, start + REPETITION_BYTES)
    starts.delete(hash)
  })
  return isShared.includes(1) ? withSigns(text, isShared) : words
}

const HASH_BASE = 0x01000193
/** What the oldest byte of a window is multiplied with. */
const OLDEST_FACTOR = Array.from({ length: REPETITION_BYTES }).reduce<number>(
  (factor) => Math.imul(factor, HASH_BASE),
  1,
)

/** Visits the hash of every window of bytes, in one pass. Two windows of one hash are taken for the same. */
function eachWindow(bytes: Uint8Array, visit: (hash: number, start: number) => void): void {
  let hash = 0
  for (let at = 0; at < bytes.length; at += 1) {
    const oldest = at < REPETITION_BYTES ? 0 : (bytes[at - REPETITION_BYTES] ?? 0)
    hash = (Math.imul(hash, HASH_BASE) + (bytes[at] ?? 0) - Math.imul(oldest, OLDEST_FACTOR)) | 0
    if (at >= REPETITION_BYTES - 1) visit(hash, at - REPETITION_BYTES + 1)
  }
}

/** Half a character at the edge of what is shared goes with it. */
function withSigns(text: Buffer, isShared: Uint8Array): string {
  let told = ''
  for (let at = 0; at < text.length; ) {
    const shared = isShared[at]
    let end = at
    while (end < text.length && isShared[end] === shared) end += 1
    told += shared === 1 ? SIGN : text.toString('utf8', at, end).replaceAll('\ufffd', '')
    at = end
  }
  return told
}
