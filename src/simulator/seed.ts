/** Chance that can be repeated: every draw comes from the scenario's seed and the words it is about. */

import { createSeededIds, createSeededRandom } from '../std/ids.ts'
import type { IdSource, Random } from '../std/ids.ts'

/** A 32-bit seed from a seed and any words (FNV-1a): equal words give equal seeds on every machine. */
export function mixSeed(seed: number, ...words: readonly (string | number)[]): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0
  for (const word of words) {
    const text = `${word}\n`
    for (let index = 0; index < text.length; index += 1) {
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0
    }
  }
  return hash
}

/** Uniform numbers for one purpose. */
export function randomFor(seed: number, ...words: readonly (string | number)[]): Random {
  return createSeededRandom(mixSeed(seed, ...words))
}

/** Ids for one call: the same on every run, different from call to call. */
export function idsFor(seed: number, callNumber: number): IdSource {
  return createSeededIds(randomFor(seed, 'ids', callNumber))
}
