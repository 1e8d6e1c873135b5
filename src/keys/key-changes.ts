/** Making, revoking and rotating keys: decisions over a directory, which a store then carries out. */

import type { Operation } from '../canonical/envelope.ts'
import {
  checkFree,
  checkLimits,
  checkName,
  checkRoom,
  DirectoryError,
  type DirectoryEdit,
  type EditContext,
  type EditWithSecret,
  findProject,
  findRecord,
  findUser,
  NO_EDIT,
  noteOf,
} from './directory-edit.ts'
import { hashersOf, hashesOf, type Peppers } from './key-hashes.ts'
import type { Directory, KeyHashes, KeyId, KeyRecord, KeyScopes, RateLimits, Role } from './records.ts'
import { hintOf, type KeyKind, mintKey } from './virtual-key.ts'

/** The key is in `secret`, and nowhere else: only its hash is kept. */
export interface KeyEdit extends EditWithSecret {
  readonly key: KeyRecord
}

export interface KeyEditContext extends EditContext {
  /** Those of the keyring, the newest first. */
  readonly peppers: Peppers
  /** Names that the configuration file gives to its own keys. */
  readonly namesOfFile?: readonly string[]
}

export interface NewKey {
  readonly name: string
  /** Default `data`. */
  readonly kind?: KeyKind
  /** By name or id, as `user`. */
  readonly project?: string
  readonly user?: string
  /** Of an admin key without a user. */
  readonly role?: Role
  readonly scopes?: KeyScopes
  readonly limits?: RateLimits
  /** Of a data key: whether its bodies are kept; absent: as the file says. */
  readonly keepBodies?: boolean
  readonly expiresAtMs?: number
}

export function createKey(directory: Directory, asked: NewKey, context: KeyEditContext): KeyEdit {
  checkRoom('key', directory.keys)
  const { kind = 'data', scopes = {}, limits, keepBodies, expiresAtMs } = asked
  const name = checkName(asked.name)
  checkFree('key', name, namedKeys(directory, context.nowMs))
  checkFree(
    'key',
    name,
    (context.namesOfFile ?? []).map((of) => ({ name: of })),
  )
  checkExpiry(expiresAtMs, context)
  const user = asked.user === undefined ? undefined : findUser(directory, asked.user)
  if (user?.disabledAtMs !== undefined)
    throw new DirectoryError('invalid', 'user', `The user "${user.name}" is disabled and can have no key.`)
  const project = asked.project === undefined ? undefined : findProject(directory, asked.project)
  if (project?.archivedAtMs !== undefined)
    throw new DirectoryError('invalid', 'project', `The project "${project.name}" is archived.`)
  const role = roleOf(kind, asked)
  checkKeepBodies(kind, keepBodies)
  return mint(
    {
      kind,
      name,
      ...(project !== undefined && { projectId: project.id }),
      ...(user !== undefined && { userId: user.id }),
      ...(role !== undefined && { role }),
      scopes: checkScopes(scopes),
      ...(limits !== undefined && { limits: checkLimits(limits) }),
      ...(keepBodies !== undefined && { keepBodies }),
      ...(expiresAtMs !== undefined && { expiresAtMs }),
    },
    { action: 'create-key', context },
  )
}

/** An admin key asks no models, so that there is nothing of it to keep. */
export function checkKeepBodies(kind: KeyKind, keepBodies: boolean | undefined): void {
  if (kind === 'admin' && keepBodies !== undefined)
    throw new DirectoryError('invalid', 'keepBodies', 'An admin key asks no models: nothing of it is kept.')
}

/** Revokes the key with this id, or every key of this name: one that was rotated may still be good. */
export function revokeKey(directory: Directory, asked: string, context: EditContext): DirectoryEdit {
  const found = findKey(directory, asked, context)
  const keys =
    found.id === asked
      ? [found]
      : directory.keys.filter((key) => key.name === found.name && isInForce(key, context.nowMs))
  return join(keys.map((key) => revoke(key, context)))
}

/** How long a key is good after another came in its place, ms: a day. */
export const ROTATION_OVERLAP_MS = 86_400_000

export interface Rotation {
  /** By name or id. */
  readonly key: string
  /** How long the old key is still good, ms. Default a day; 0 ends it at once. */
  readonly overlapMs?: number
  /** When the new key ends, ms since 1970; `null`: never. Absent: when the old one would have, without the overlap. */
  readonly expiresAtMs?: number | null
}

/** The longest overlap, ms: 90 days. */
export const OVERLAP_MAX_MS = 90 * 86_400_000

/** A new key with the same name and grants; the old one is good until the overlap is over, or it expires. */
export function rotateKey(directory: Directory, rotation: Rotation, context: KeyEditContext): KeyEdit {
  checkRoom('key', directory.keys)
  const old = findKey(directory, rotation.key, context)
  const overlapMs = rotation.overlapMs ?? ROTATION_OVERLAP_MS
  if (!Number.isSafeInteger(overlapMs) || overlapMs < 0 || overlapMs > OVERLAP_MAX_MS)
    throw new DirectoryError('invalid', 'overlapMs', 'The overlap is a time between nothing and 90 days.')
  if (!isInForce(old, context.nowMs))
    throw new DirectoryError('invalid', 'key', `The key "${old.name}" is revoked or expired: create another.`)
  if (old.replacedBy !== undefined)
    throw new DirectoryError('invalid', 'key', `The key ${old.id} was rotated already: rotate the newer one.`)
  checkExpiry(rotation.expiresAtMs ?? undefined, context)
  const made = mint(grantsAfter(old, rotation), { action: 'create-key', context })
  const endsAtMs = context.nowMs + overlapMs
  const replaced: KeyRecord = {
    ...old,
    replacedBy: made.key.id,
    expiresAtMs: Math.min(old.expiresAtMs ?? endsAtMs, endsAtMs),
  }
  const note = noteOf({ action: 'rotate-key', subject: old.id, before: old, after: replaced }, context)
  return {
    ...made,
    changes: [...made.changes, { type: 'put-key', key: replaced }],
    notes: [...made.notes, note],
  }
}

type Grants = Omit<KeyRecord, keyof KeyHashes | 'id' | 'hint' | 'createdAtMs'>

function grantsAfter(old: KeyRecord, { expiresAtMs: asked }: Rotation): Grants {
  const { id: _id, hash: _hash, hashedUnder: _under, otherHashes: _others, ...rest } = old
  const { hint: _hint, createdAtMs: _at, expiresAtMs: inherited, ...grants } = rest
  const endsAtMs = asked === undefined ? inherited : asked
  return { ...grants, ...(typeof endsAtMs === 'number' && { expiresAtMs: endsAtMs }) }
}

export function isInForce({ revokedAtMs, expiresAtMs }: KeyRecord, nowMs: number): boolean {
  return revokedAtMs === undefined && (expiresAtMs === undefined || nowMs < expiresAtMs)
}

/** By its id, or by its name where it is in force. Of a line of rotations the name means the newest. */
export function findKey(directory: Directory, asked: string, { nowMs }: EditContext): KeyRecord {
  return findRecord('key', asked, { all: directory.keys, named: namedKeys(directory, nowMs) })
}

/** Every name once: a key that another has replaced has lost its own to it, unless that one is gone. */
function namedKeys(directory: Directory, nowMs: number): readonly KeyRecord[] {
  const inForce = directory.keys.filter((key) => isInForce(key, nowMs))
  const ids = new Set(inForce.map(({ id }) => id))
  return inForce.filter(({ replacedBy }) => replacedBy === undefined || !ids.has(replacedBy))
}

interface Minting {
  readonly action: string
  readonly context: KeyEditContext
}

function mint(grants: Grants, { action, context }: Minting): KeyEdit {
  const secret = mintKey(grants.kind)
  const key: KeyRecord = {
    ...grants,
    // Sound: this is where ids of keys are made.
    id: context.ids.next('key_') as KeyId,
    ...hashesOf(secret.reveal(), hashersOf(context.peppers)),
    hint: hintOf(secret),
    createdAtMs: context.nowMs,
  }
  return {
    key,
    secret,
    changes: [{ type: 'put-key', key }],
    notes: [noteOf({ action, subject: key.id, after: key }, context)],
  }
}

function revoke(key: KeyRecord, context: EditContext): DirectoryEdit {
  if (key.revokedAtMs !== undefined) return NO_EDIT
  const revoked: KeyRecord = { ...key, revokedAtMs: context.nowMs }
  return {
    changes: [{ type: 'put-key', key: revoked }],
    notes: [noteOf({ action: 'revoke-key', subject: key.id, before: key, after: revoked }, context)],
  }
}

function join(edits: readonly DirectoryEdit[]): DirectoryEdit {
  return { changes: edits.flatMap(({ changes }) => changes), notes: edits.flatMap(({ notes }) => notes) }
}

function checkExpiry(expiresAtMs: number | undefined, { nowMs }: EditContext): void {
  if (expiresAtMs === undefined || (Number.isSafeInteger(expiresAtMs) && expiresAtMs > nowMs)) return
  throw new DirectoryError('invalid', 'expiresAtMs', 'The key would have expired before it was made.')
}

function roleOf(kind: KeyKind, { user, role }: NewKey): Role | undefined {
  if (kind === 'data' && role !== undefined)
    throw new DirectoryError('invalid', 'role', 'Only an admin key has a role.')
  if (kind === 'admin' && user === undefined && role === undefined)
    throw new DirectoryError('invalid', 'role', 'An admin key needs a role, or a user who has one.')
  if (kind === 'admin' && user !== undefined && role !== undefined)
    throw new DirectoryError(
      'invalid',
      'role',
      'The role of an admin key with a user is the role of the user.',
    )
  return role
}

/** Entries of one list of a scope, and characters of one of them. */
const SCOPE_ENTRIES_MAX = 100
const SCOPE_LENGTH_MAX = 200

const OPERATIONS: Readonly<Record<Operation, true>> = {
  chat: true,
  'count-tokens': true,
  embeddings: true,
  moderations: true,
  rerank: true,
  'image-generation': true,
  'image-edit': true,
  'image-variation': true,
  speech: true,
  transcription: true,
  'audio-translation': true,
  files: true,
  batches: true,
}

export function checkScopes(scopes: KeyScopes): KeyScopes {
  for (const field of ['routes', 'models'] as const) checkScopeList(field, scopes[field] ?? [])
  for (const operation of scopes.operations ?? []) {
    if (!Object.hasOwn(OPERATIONS, operation))
      throw new DirectoryError(
        'invalid',
        'scopes.operations',
        `"${operation}" is no operation: use some of ${Object.keys(OPERATIONS).join(', ')}.`,
      )
  }
  return scopes
}

function checkScopeList(field: 'routes' | 'models', names: readonly string[]): void {
  if (names.length > SCOPE_ENTRIES_MAX)
    throw new DirectoryError(
      'invalid',
      `scopes.${field}`,
      `At most ${SCOPE_ENTRIES_MAX} ${field} can be named.`,
    )
  for (const name of names) {
    const star = name.indexOf('*')
    if (name !== '' && name.length <= SCOPE_LENGTH_MAX && (star === -1 || star === name.length - 1)) continue
    throw new DirectoryError(
      'invalid',
      `scopes.${field}`,
      `"${name.slice(0, SCOPE_LENGTH_MAX)}" names no ${field}: use a name, or the beginning of one with a "*" at its end.`,
    )
  }
}
