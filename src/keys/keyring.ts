/**
 * The client keys: who presents one, and whether it is one. A presented key is hashed before it is compared with
 * anything, so that the time taken tells nothing of the keys here (SEC-10), and every look-up is by the whole hash
 * (SEC-11).
 */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Secret } from '../std/secret.ts'

export interface ClientKey {
  /** What logs call the holder. */
  readonly name: string
  readonly key: Secret
}

/** Whom a key identified; nameless where no keys are configured. */
export interface KeyHolder {
  readonly keyName?: string
}

export interface Keyring {
  /** Throws `unauthenticated` for a missing or unknown key; without configured keys everyone is let in, nameless. */
  authenticate(presented: string | undefined): KeyHolder
}

const HASH_BYTES = 32
const ANYONE: KeyHolder = {}

interface Entry {
  readonly hash: Buffer
  readonly holder: KeyHolder
}

/** Of two equal keys the first counts. */
export function createKeyring(keys: readonly ClientKey[]): Keyring {
  if (keys.length === 0) return { authenticate: () => ANYONE }
  // Hashed with a value that exists only in this process, nobody outside can choose a key by what its hash begins
  // with, so that neither the look-up nor the comparison answers to his choice.
  const pepper = randomBytes(HASH_BYTES)
  const entries = indexByHash(keys, pepper)
  const decoy = randomBytes(HASH_BYTES)
  return {
    authenticate(presented) {
      if (presented === undefined || presented === '')
        throw unauthenticated('The request carries no client key.')
      const hash = hashKey(presented, pepper)
      const entry = entries.get(hash.toString('base64'))
      if (timingSafeEqual(hash, entry?.hash ?? decoy) && entry !== undefined) return entry.holder
      throw unauthenticated('The client key is none of this gateway.')
    },
  }
}

function indexByHash(keys: readonly ClientKey[], pepper: Buffer): ReadonlyMap<string, Entry> {
  const entries = new Map<string, Entry>()
  for (const { name, key } of keys) {
    const hash = hashKey(key.reveal(), pepper)
    const id = hash.toString('base64')
    if (!entries.has(id)) entries.set(id, { hash, holder: { keyName: name } })
  }
  return entries
}

function hashKey(key: string, pepper: Buffer): Buffer {
  return createHmac('sha256', pepper).update(key).digest()
}

function unauthenticated(message: string): GatewayError {
  return new GatewayError('unauthenticated', message)
}
