/** The ways a stream is cut before it is read: whole, at random bytes, as the network cut it, and byte by byte. */

import type { Random } from '../src/std/ids.ts'

export interface Cutting {
  readonly name: string
  readonly chunks: readonly Uint8Array[]
}

/** Streams up to this are also read byte by byte. */
const BYTEWISE_MAX_BYTES = 4096
const CUTS = 12

export function cuttingsOf(
  bytes: Buffer,
  {
    random,
    chunkLengths,
  }: { readonly random: Random; readonly chunkLengths?: readonly number[] | undefined },
): readonly Cutting[] {
  const cuts = Array.from({ length: CUTS }, () => Math.floor(random.next() * bytes.length))
  return [
    { name: 'random', chunks: cutAt(bytes, cuts) },
    ...(chunkLengths === undefined ? [] : [{ name: 'network', chunks: cutBy(bytes, chunkLengths) }]),
    ...(bytes.length > BYTEWISE_MAX_BYTES ? [] : [{ name: 'bytewise', chunks: bytewise(bytes) }]),
  ]
}

function cutAt(bytes: Buffer, cuts: readonly number[]): readonly Uint8Array[] {
  const places = [...new Set([0, ...cuts, bytes.length])].sort((left, right) => left - right)
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end))
}

function cutBy(bytes: Buffer, lengths: readonly number[]): readonly Uint8Array[] {
  let start = 0
  return lengths.map((length) => {
    start += length
    return bytes.subarray(start - length, start)
  })
}

function bytewise(bytes: Buffer): readonly Uint8Array[] {
  return Array.from(bytes, (_byte, at) => bytes.subarray(at, at + 1))
}
