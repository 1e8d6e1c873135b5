/**
 * The client keys: who presents one, and whether it is one. A presented key is hashed before it is compared with
 * anything, so that the time taken tells nothing of the keys here (SEC-10), and every look-up is by the whole hash
 * (SEC-11). Nothing but memory is asked.
 */

import { randomBytes, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Secret } from '../std/secret.ts'
import { hashersOf, hashesOf, type NewHashes, type Peppers } from './key-hashes.ts'
import type { AdminHolder, KeyHolder, KeyIndex, KeyEntry } from './key-index.ts'
import type { KeyId } from './records.ts'
import type { KeyHasher } from './virtual-key.ts'

export type { AdminHolder, KeyHolder } from './key-index.ts'

export interface ClientKey {
  /** What logs call the holder. */
  readonly name: string
  readonly key: Secret
}

/** The keys that are kept in a store, as they are known now. */
export interface KeptKeys {
  /** Under which their hashes were made, the newest first; of every master secret one. */
  readonly peppers: Peppers
  /** `undefined` while nothing is known of them: nobody but the holders of the file's keys is let in then. */
  index(): KeyIndex | undefined
  wallMs(): number
  /** A key was used whose hash under the newest pepper is not kept, or not said to be one: it is to be. Returns at once. */
  renewHashes?(key: KeyId, hashes: () => NewHashes): void
}

const HASH_BYTES = 32
/** Whoever asks where there are no keys. */
export const ANYONE: KeyHolder = {}

/** What is known of a key that was presented. */
export type Finding<Holder> =
  | { readonly type: 'found'; readonly holder: Holder }
  /** Here, and not good: of the other door, expired, revoked, or of somebody who is gone. */
  | { readonly type: 'refused' }
  | { readonly type: 'unknown' }

const REFUSED = { type: 'refused' } as const
const UNKNOWN = { type: 'unknown' } as const

/** The file's keys and the kept ones in one ring. Of two equal keys the first counts, and the file's before the kept. */
export class Keyring {
  /** The newest first. */
  readonly #hashers: readonly [KeyHasher, ...(readonly KeyHasher[])]
  readonly #ofFile: ReadonlyMap<string, KeyEntry>
  readonly #kept: KeptKeys | undefined
  readonly #decoy = randomBytes(HASH_BYTES)
  readonly #isClosed: boolean

  /** `isClosed`: nobody is let in without a key, even where there is none yet. */
  constructor(ofFile: readonly ClientKey[], kept?: KeptKeys, isClosed = false) {
    this.#isClosed = isClosed
    // Hashed with a value that nobody outside knows, a key cannot be chosen by what its hash begins with, so that neither
    // the look-up nor the comparison answers to a stranger's choice.
    this.#hashers = hashersOf(kept?.peppers ?? [randomBytes(HASH_BYTES)])
    this.#ofFile = indexFileKeys(ofFile, this.#hashers[0])
    this.#kept = kept
  }

  /** Whether everyone is let in, nameless: where no key was ever made, and that is known for certain. */
  get isOpen(): boolean {
    if (this.#isClosed || this.#ofFile.size > 0) return false
    return this.#kept === undefined || this.#kept.index()?.hasDataKeys === false
  }

  /** Throws `unauthenticated` for a missing, unknown or unusable key: the same words for each (SEC-19). */
  authenticate(presented: string | undefined): KeyHolder {
    const finding = this.findHolder(presented)
    if (finding.type === 'found') return finding.holder
    throw unknownKey()
  }

  /** The same for the admin API, which is never open. */
  authenticateAdmin(presented: string | undefined): AdminHolder {
    const finding = this.findAdmin(presented)
    if (finding.type === 'found') return finding.holder
    throw unknownKey()
  }

  /** As `authenticate`, telling apart what is not here from what is not good. */
  findHolder(presented: string | undefined): Finding<KeyHolder> {
    if (this.isOpen) return OPEN
    const entry = this.#find(presented)
    if (entry === undefined) return UNKNOWN
    if (entry.asHolder === undefined || !this.#isInForce(entry)) return REFUSED
    this.#noteUse(entry, presented)
    return entry.asHolder
  }

  findAdmin(presented: string | undefined): Finding<AdminHolder> {
    const entry = this.#find(presented)
    if (entry === undefined) return UNKNOWN
    if (entry.asAdmin === undefined || !this.#isInForce(entry)) return REFUSED
    this.#noteUse(entry, presented)
    return entry.asAdmin
  }

  #isInForce({ expiresAtMs }: KeyEntry): boolean {
    return expiresAtMs === undefined || (this.#kept !== undefined && this.#kept.wallMs() < expiresAtMs)
  }

  /** The newest pepper is tried first: who is found by another has no hash under it. */
  #noteUse({ keyId, hashedUnder }: KeyEntry, presented = ''): void {
    if (keyId === undefined || hashedUnder === this.#hashers[0].mark) return
    this.#kept?.renewHashes?.(keyId, () => hashesOf(presented, this.#hashers))
  }

  #find(presented: string | undefined): KeyEntry | undefined {
    if (presented === undefined || presented === '')
      throw new GatewayError('unauthenticated', 'The request carries no client key.')
    let hash: Uint8Array = this.#decoy
    let entry: KeyEntry | undefined
    for (const hasher of this.#hashers) {
      const digest = hasher.hash(presented)
      const id = digest.toString('latin1')
      hash = digest
      entry = this.#ofFile.get(id) ?? this.#kept?.index()?.entries.get(id)
      if (entry !== undefined) break
    }
    return timingSafeEqual(hash, entry?.hash ?? this.#decoy) ? entry : undefined
  }
}

const OPEN: Finding<KeyHolder> = { type: 'found', holder: ANYONE }

export function createKeyring(ofFile: readonly ClientKey[], kept?: KeptKeys): Keyring {
  return new Keyring(ofFile, kept)
}

/** In the same words whatever is the matter with the key. */
export function unknownKey(): GatewayError {
  return new GatewayError('unauthenticated', 'The client key is none of this gateway.')
}

function indexFileKeys(keys: readonly ClientKey[], hasher: KeyHasher): ReadonlyMap<string, KeyEntry> {
  const entries = new Map<string, KeyEntry>()
  for (const { name, key } of keys) {
    const hash = hasher.hash(key.reveal())
    const id = hash.toString('latin1')
    if (!entries.has(id)) entries.set(id, { hash, asHolder: { type: 'found', holder: { keyName: name } } })
  }
  return entries
}
