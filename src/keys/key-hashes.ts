/**
 * Under which master secrets the hashes of keys stand. A key is hashed under every one that is in use, so that of several
 * gateways each knows it while they are given a new secret one after the other; a key whose only hash is under a secret
 * that is taken out is known to nobody until that secret is given again.
 */

import type { KeyHash, KeyHashes, KeyRecord } from './records.ts'
import { KeyHasher } from './virtual-key.ts'

/** Of every master secret one, the newest first. */
export type Peppers = readonly [Uint8Array, ...(readonly Uint8Array[])]

/** Made by this version, which says under what. */
export type NewHashes = KeyHash & KeyHashes

type Hashers = readonly [KeyHasher, ...(readonly KeyHasher[])]

export function hashersOf([newest, ...older]: Peppers): Hashers {
  return [new KeyHasher(newest), ...older.map((pepper) => new KeyHasher(pepper))]
}

/** The hash under the newest, and beside it those under the others. */
export function hashesOf(key: string, [newest, ...older]: Hashers): NewHashes {
  const under = (hasher: KeyHasher): KeyHash => ({
    hash: hasher.hash(key).toString('base64url'),
    hashedUnder: hasher.mark,
  })
  return { ...under(newest), ...(older.length > 0 && { otherHashes: older.map(under) }) }
}

/**
 * The record with new hashes of its key; `undefined` where one under the newest secret is there already. Hashes under
 * secrets that are not in use any more go, so that there are never more than secrets.
 */
export function withHashes(key: KeyRecord, hashes: NewHashes): KeyRecord | undefined {
  if (isUnder(key, hashes.hashedUnder)) return undefined
  const { otherHashes: _, ...rest } = key
  return { ...rest, ...hashes }
}

/**
 * `newest`, `older`: it is known, under the newest secret or under an older one alone. `missing`: under none of those that
 * are given. `unsaid`: an earlier version made it, and did not note under which.
 */
export type KeyStanding = 'newest' | 'older' | 'missing' | 'unsaid'

/** `marks`: of the secrets that are given, the newest first. */
export function standingOf(key: KeyHashes, marks: readonly string[]): KeyStanding {
  const place = marks.findIndex((mark) => isUnder(key, mark))
  if (place !== -1) return place === 0 ? 'newest' : 'older'
  if (key.hashedUnder !== undefined) return 'missing'
  // Where there never was another secret, it is under the one that there is.
  return marks.length === 1 ? 'newest' : 'unsaid'
}

/** Of every key, whenever the directory changes. */
function isUnder({ hashedUnder, otherHashes }: KeyHashes, mark: string): boolean {
  return hashedUnder === mark || (otherHashes?.some((other) => other.hashedUnder === mark) ?? false)
}
