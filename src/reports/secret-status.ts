/**
 * How far a rotation of the master secret is: what still needs an older one, and when that may be taken out. It reveals
 * nothing of a secret: they are told by their number.
 */

import { isInForce } from '../keys/key-changes.ts'
import { hashersOf, type Peppers, standingOf } from '../keys/key-hashes.ts'
import type { Directory, KeyRecord } from '../keys/records.ts'
import type { Sealer } from '../std/sealer.ts'
import { SEALED_KINDS, type SealedKind, type SealedStore } from './sealed-store.ts'

/** Keys that are named; the number of all is told beside them. */
export const KEYS_NAMED_MAX = 1_000

/** When the older secrets may be taken out. */
export type OlderSecrets =
  /** There are none. */
  | { readonly type: 'none' }
  /** Nothing needs them. */
  | { readonly type: 'unneeded' }
  /** What needs them ends by itself. */
  | { readonly type: 'needed-until'; readonly atMs: number }
  /** Keys need them for as long as they are neither used, rotated nor revoked. */
  | { readonly type: 'needed-by-keys' }

export interface SealedPart {
  readonly kind: SealedKind
  /** Pieces that an older secret opens. */
  readonly older: number
  /** When the last of these expires, ms since 1970. */
  readonly olderUntilMs?: number
  /** Pieces that no secret at hand opens: as good as not there. */
  readonly missing: number
}

export interface SecretStatus {
  /** How many secrets are given. */
  readonly secrets: number
  /** In force. */
  readonly keys: number
  /** Those of them that are known by an older secret alone, or made by a version that did not note by which. */
  readonly olderKeys: readonly KeyRecord[]
  /** Those that are not known here: their secret is not given. */
  readonly missingKeys: readonly KeyRecord[]
  readonly sealed: readonly SealedPart[]
  readonly olderSecrets: OlderSecrets
}

export interface SecretRooms {
  readonly store: SealedStore
  readonly directory: Directory
  readonly peppers: Peppers
  readonly sealer: Pick<Sealer, 'placeOf'>
  readonly nowMs: number
}

export async function readSecretStatus(rooms: SecretRooms): Promise<SecretStatus> {
  const { directory, peppers, nowMs } = rooms
  const marks = hashersOf(peppers).map(({ mark }) => mark)
  const keys = directory.keys.filter((key) => isInForce(key, nowMs))
  const olderKeys: KeyRecord[] = []
  const missingKeys: KeyRecord[] = []
  for (const key of keys) {
    const standing = standingOf(key, marks)
    if (standing === 'missing') missingKeys.push(key)
    else if (standing !== 'newest') olderKeys.push(key)
  }
  const sealed: SealedPart[] = []
  for (const kind of SEALED_KINDS) sealed.push(await countSealed(kind, rooms))
  return {
    secrets: peppers.length,
    keys: keys.length,
    olderKeys,
    missingKeys,
    sealed,
    olderSecrets: peppers.length === 1 ? { type: 'none' } : needOf(olderKeys, sealed),
  }
}

async function countSealed(kind: SealedKind, { store, sealer, nowMs }: SecretRooms): Promise<SealedPart> {
  let older = 0
  let missing = 0
  let olderUntilMs: number | undefined
  let next: number | undefined
  do {
    const part = await store.countSeals({ kind, nowMs, ...(next !== undefined && { place: next }) })
    for (const { header, count, expireAtMs } of part.counts) {
      const place = sealer.placeOf(header)
      if (place === undefined) missing += count
      if (place === undefined || place === 0) continue
      older += count
      olderUntilMs = Math.max(olderUntilMs ?? 0, expireAtMs)
    }
    next = part.next
  } while (next !== undefined)
  return { kind, older, missing, ...(olderUntilMs !== undefined && { olderUntilMs }) }
}

function needOf(keys: readonly KeyRecord[], sealed: readonly SealedPart[]): OlderSecrets {
  const ends = [
    ...keys.map(({ expiresAtMs = Number.POSITIVE_INFINITY }) => expiresAtMs),
    ...sealed.flatMap(({ olderUntilMs }) => (olderUntilMs === undefined ? [] : [olderUntilMs])),
  ]
  if (ends.length === 0) return { type: 'unneeded' }
  const atMs = ends.reduce((latest, end) => Math.max(latest, end))
  return Number.isFinite(atMs) ? { type: 'needed-until', atMs } : { type: 'needed-by-keys' }
}

/** The status as JSON, for the admin API and the command line alike. */
export function describeSecretStatus(status: SecretStatus) {
  const { olderSecrets, sealed } = status
  return {
    secrets: status.secrets,
    older_secrets: olderSecrets.type,
    older_secrets_needed_until: olderSecrets.type === 'needed-until' ? sayTime(olderSecrets.atMs) : null,
    keys: status.keys,
    keys_under_older: describeKeys(status.olderKeys),
    keys_under_missing: describeKeys(status.missingKeys),
    sealed: sealed.map(({ kind, older, olderUntilMs, missing }) => ({
      kind,
      under_older: older,
      under_older_until: olderUntilMs === undefined ? null : sayTime(olderUntilMs),
      under_missing: missing,
    })),
  }
}

function describeKeys(keys: readonly KeyRecord[]) {
  return {
    count: keys.length,
    keys: keys.slice(0, KEYS_NAMED_MAX).map(({ id, name, kind, hint, expiresAtMs }) => ({
      id,
      name,
      kind,
      hint,
      expires_at: expiresAtMs === undefined ? null : sayTime(expiresAtMs),
    })),
  }
}

function sayTime(atMs: number): string {
  return new Date(atMs).toISOString()
}
