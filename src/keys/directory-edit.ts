/** What every change of the directory has in common: what it gives back, how records are named and found, and its refusals. */

import type { AuditNote } from '../std/audit.ts'
import type { IdSource } from '../std/ids.ts'
import type { JsonValue } from '../std/json.ts'
import { nearest } from '../std/nearest.ts'
import type { Secret } from '../std/secret.ts'
import type {
  Directory,
  DirectoryChange,
  ProjectRecord,
  RateLimits,
  TeamRecord,
  UserRecord,
} from './records.ts'

/** What a change comes to: nothing is changed before a store has taken it (`DirectoryStore.changeDirectory`). */
export interface DirectoryEdit {
  /** Empty where everything is as it should be already. */
  readonly changes: readonly DirectoryChange[]
  readonly notes: readonly AuditNote[]
}

/** Who changes, when, and where new ids come from. */
export interface EditContext {
  readonly nowMs: number
  /** `user:<id>`, `token:<id>`, `cli`, `gateway`. */
  readonly actor: string
  readonly ids: IdSource
}

export type DirectoryFailure = 'not-found' | 'taken' | 'invalid' | 'full'

/** The change cannot be made; the message is a sentence for whoever asked for it. */
export class DirectoryError extends Error {
  override readonly name = 'DirectoryError'
  readonly reason: DirectoryFailure
  /** The field of the request that is at fault. */
  readonly field: string

  constructor(reason: DirectoryFailure, field: string, message: string) {
    super(message)
    this.reason = reason
    this.field = field
  }
}

/** Records of one kind that a directory holds: every gateway has all of them in memory. */
export const RECORDS_MAX = 100_000
/** The largest limit: beyond it a limit is none. */
export const LIMIT_MAX = 1_000_000_000_000

const NAME = /^[A-Za-z0-9][A-Za-z0-9._ -]{0,63}$/
const PERSON_NAME = /^[\p{L}\p{N}][\p{L}\p{N}._@+' -]{0,127}$/u
const EMAIL = /^[^\s@]{1,64}@[^\s@]{1,190}$/

/** Names of keys, teams and projects: the file's rule for keys (`config-schema.ts`). */
export function checkName(name: string): string {
  if (NAME.test(name)) return name
  throw new DirectoryError(
    'invalid',
    'name',
    `${shown(name)} is not a name: use up to 64 letters, digits, spaces, ".", "_" and "-".`,
  )
}

export function checkPersonName(name: string): string {
  if (PERSON_NAME.test(name)) return name
  throw new DirectoryError(
    'invalid',
    'name',
    `${shown(name)} is not a name for a user: use up to 128 letters, digits, spaces and any of . _ @ + ' -`,
  )
}

export function checkEmail(email: string): string {
  if (EMAIL.test(email)) return email
  throw new DirectoryError('invalid', 'email', `${shown(email)} is not an e-mail address.`)
}

export function checkLimits(limits: RateLimits): RateLimits {
  for (const [field, limit] of Object.entries(limits)) {
    if (limit === undefined || (Number.isSafeInteger(limit) && limit >= 1 && limit <= LIMIT_MAX)) continue
    throw new DirectoryError(
      'invalid',
      `limits.${field}`,
      `limits.${field}: ${limit} is not a limit: give a whole number from 1 to ${LIMIT_MAX}, or leave it out.`,
    )
  }
  return limits
}

export function checkRoom(kind: string, records: readonly unknown[]): void {
  if (records.length < RECORDS_MAX) return
  throw new DirectoryError('full', 'name', `There are ${RECORDS_MAX} ${kind}s, and no room for more.`)
}

/** `records`: those among which a name is taken. */
export function checkFree(kind: string, name: string, records: readonly { readonly name: string }[]): void {
  if (records.every((record) => record.name !== name)) return
  throw new DirectoryError(
    'taken',
    'name',
    `There is a ${kind} called "${name}" already: choose another name.`,
  )
}

export function findUser(directory: Directory, user: string): UserRecord {
  return findRecord('user', user, {
    all: directory.users,
    named: directory.users.filter(({ disabledAtMs }) => disabledAtMs === undefined),
  })
}

export function findTeam(directory: Directory, team: string): TeamRecord {
  return findRecord('team', team, { all: directory.teams, named: directory.teams.filter(isNotArchived) })
}

export function findProject(directory: Directory, project: string): ProjectRecord {
  return findRecord('project', project, {
    all: directory.projects,
    named: directory.projects.filter(isNotArchived),
  })
}

export function isNotArchived({ archivedAtMs }: { readonly archivedAtMs?: number }): boolean {
  return archivedAtMs === undefined
}

interface Found<Entry> {
  /** Those that are found by their id. */
  readonly all: readonly Entry[]
  /** Those that are found by their name: names come back into use. */
  readonly named: readonly Entry[]
}

export function findRecord<Entry extends { readonly id: string; readonly name: string }>(
  kind: string,
  asked: string,
  { all, named }: Found<Entry>,
): Entry {
  const found = all.find(({ id }) => id === asked) ?? named.find(({ name }) => name === asked)
  if (found !== undefined) return found
  const meant = nearest(
    asked,
    named.map(({ name }) => name),
  )
  const hint = meant === undefined ? '' : ` Did you mean "${meant}"?`
  throw new DirectoryError('not-found', kind, `There is no ${kind} called ${shown(asked)}.${hint}`)
}

interface Noted {
  readonly action: string
  readonly subject: string
  readonly before?: object
  readonly after?: object
}

/** The audit line of a change: ids and fields, never a key, its hash or its end. */
export function noteOf({ action, subject, before, after }: Noted, { nowMs, actor }: EditContext): AuditNote {
  return {
    atMs: nowMs,
    actor,
    action,
    subject,
    ...(before !== undefined && { before: withoutKey(before) }),
    ...(after !== undefined && { after: withoutKey(after) }),
  }
}

function withoutKey(record: object): JsonValue {
  const fields = Object.entries(record).filter(([field]) => !OF_THE_KEY.has(field))
  // Sound: records are made of texts, numbers, booleans and lists and objects of them.
  return Object.fromEntries(fields)
}

const OF_THE_KEY: ReadonlySet<string> = new Set(['hash', 'hashedUnder', 'otherHashes', 'hint'])

/** Nothing to do. */
export const NO_EDIT: DirectoryEdit = { changes: [], notes: [] }

/** A new secret, to be shown once. */
export interface EditWithSecret extends DirectoryEdit {
  readonly secret: Secret
}

const SHOWN_LENGTH_MAX = 64

/** Somebody may have given a key where a name belongs. */
function shown(text: string): string {
  if (text.startsWith('sk-')) return 'that (it looks like a key: give its name or its id)'
  return text.length > SHOWN_LENGTH_MAX ? `"${text.slice(0, SHOWN_LENGTH_MAX)}…"` : `"${text}"`
}
