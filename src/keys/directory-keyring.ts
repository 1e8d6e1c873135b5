/**
 * The ring that the doors use: what is known is answered at once, from memory, and only a key that may have been made
 * elsewhere a moment ago is waited for.
 */

import { GatewayError } from '../errors/gateway-error.ts'
import type { AdminHolder, KeyHolder } from './key-index.ts'
import type { KeyDirectory } from './key-directory.ts'
import { ANYONE, type ClientKey, type Finding, Keyring, unknownKey } from './keyring.ts'
import { type KeyKind, kindOfKey } from './virtual-key.ts'

/**
 * Throws, or rejects with, `unauthenticated` for every key that is not good, in the same words; with `keys_unavailable`
 * where a key has the form of one of ours and the store that may know it does not answer (fault 130).
 */
export interface DirectoryKeyring {
  authenticate(presented: string | undefined): KeyHolder | Promise<KeyHolder>
  /** For the admin API: data keys are worth nothing there, nor admin keys at the other door (SEC-16). */
  authenticateAdmin(presented: string | undefined): AdminHolder | Promise<AdminHolder>
}

/** Of the file's keys and those of the directory. `isClosed`: nobody is let in without a key, even where there is none yet. */
export function createDirectoryKeyring(
  ofFile: readonly ClientKey[],
  directory: KeyDirectory,
  { isClosed = false }: { readonly isClosed?: boolean } = {},
): DirectoryKeyring {
  const ring = new Keyring(ofFile, directory, isClosed)
  return {
    authenticate(presented) {
      const finding = ring.findHolder(presented)
      if (finding.type === 'found')
        return finding.holder === ANYONE ? whoeverAsks(presented, ring, directory) : finding.holder
      return lookFurther(finding, { presented, kind: 'data', find: (key) => ring.findHolder(key), directory })
    },
    authenticateAdmin(presented) {
      const finding = ring.findAdmin(presented)
      if (finding.type === 'found') return finding.holder
      return lookFurther(finding, { presented, kind: 'admin', find: (key) => ring.findAdmin(key), directory })
    },
  }
}

/** How long the first key waits for the store: it is seldom, and worth more than to be told to come again. */
export const FIRST_KEY_WAIT_MS = 2_000

/**
 * A key of ours where none is known: the first one has just been made, and from then on nobody is let in without. While
 * the store does not answer it is not let in as anyone: what it spends would be in nobody's budget.
 */
function whoeverAsks(
  presented: string | undefined,
  ring: Keyring,
  directory: KeyDirectory,
): KeyHolder | Promise<KeyHolder> {
  if (presented === undefined || kindOfKey(presented) !== 'data') return ANYONE
  return directory.lookNow(FIRST_KEY_WAIT_MS).then((isAnswered) => {
    const finding = ring.findHolder(presented)
    const isKnown = finding.type === 'refused' || (finding.type === 'found' && finding.holder !== ANYONE)
    if (!isKnown && !isAnswered) throw unavailable()
    if (finding.type !== 'found') throw unknownKey()
    return finding.holder
  })
}

interface Search<Holder> {
  readonly presented: string | undefined
  readonly kind: KeyKind
  readonly directory: KeyDirectory
  readonly find: (presented: string | undefined) => Finding<Holder>
}

function lookFurther<Holder>(finding: Finding<Holder>, search: Search<Holder>): Promise<Holder> {
  if (finding.type === 'refused' || kindOfKey(search.presented ?? '') !== search.kind) throw unknownKey()
  const { presented, find, directory } = search
  return directory
    .lookUntil(() => find(presented).type !== 'unknown')
    .then((isAnswered) => judgeAgain(isAnswered, search))
}

function judgeAgain<Holder>(isAnswered: boolean, { presented, find }: Search<Holder>): Holder {
  const finding = find(presented)
  if (finding.type === 'found') return finding.holder
  throw finding.type === 'unknown' && !isAnswered ? unavailable() : unknownKey()
}

/** A moment: the next look at the store. */
const RETRY_AFTER_MS = 1_000

function unavailable(): GatewayError {
  return new GatewayError(
    'keys_unavailable',
    'The client key is not known here, and the store of keys does not answer.',
    { retryAfterMs: RETRY_AFTER_MS },
  )
}
