/** A directory made ready for look-ups: everything that a request needs to know of its key is put together once. */

import type {
  Directory,
  KeyId,
  KeyRecord,
  KeyScopes,
  ProjectId,
  ProjectRecord,
  RateLimits,
  Role,
  TeamId,
  UserId,
  UserRecord,
} from './records.ts'
import { linesOf } from './rotation-lines.ts'

/** Whom a key identified; nameless where there are no keys. What a key of the file does not have is absent. */
export interface KeyHolder {
  readonly keyName?: string
  readonly keyId?: KeyId
  /**
   * The ids of every key of its line of rotations, the oldest first, its own among them. What is bound to one of them, a
   * budget, an answer that was kept, is to all: a rotation leaves nothing behind and is no way out.
   */
  readonly line?: readonly KeyId[]
  readonly projectId?: ProjectId
  /** Of the project, or of the user where the project has none. */
  readonly teamId?: TeamId
  readonly userId?: UserId
  /** Absent: everything. */
  readonly scopes?: KeyScopes
  readonly limits?: RateLimits
  /** They hold beside those of the key. */
  readonly projectLimits?: RateLimits
  /** Whether what its requests ask and are answered is kept; absent: as the file says. */
  readonly keepBodies?: boolean
  /** Of a program that has keys of its own. */
  readonly isService?: boolean
}

/** Whom an admin key identified. */
export interface AdminHolder {
  readonly keyName: string
  readonly keyId: KeyId
  readonly userId?: UserId
  /** The user's, or the key's where it has no user. */
  readonly role: Role
}

export interface KeyEntry {
  readonly hash: Uint8Array
  /** Of a kept key. */
  readonly keyId?: KeyId
  /** Whose pepper the hash is made with, as in `KeyHashes`. */
  readonly hashedUnder?: string
  /** Absent: not good for data. Ready to be handed out, so that a request makes nothing new. */
  readonly asHolder?: { readonly type: 'found'; readonly holder: KeyHolder }
  /** Absent: not good for the admin API. */
  readonly asAdmin?: { readonly type: 'found'; readonly holder: AdminHolder }
  readonly expiresAtMs?: number
}

export interface KeyIndex {
  /** By the hash's bytes as latin1. */
  readonly entries: ReadonlyMap<string, KeyEntry>
  /** Whether a data key was ever made: it is not forgotten when the last one is revoked. */
  readonly hasDataKeys: boolean
}

export function indexDirectory(directory: Directory): KeyIndex {
  const people: People = {
    users: new Map(directory.users.map((user) => [user.id, user])),
    projects: new Map(directory.projects.map((project) => [project.id, project])),
    lines: linesOf(directory.keys),
  }
  const entries = new Map<string, KeyEntry>()
  for (const key of directory.keys) {
    const entry = entryOf(key, people)
    for (const { hash: text, hashedUnder } of [key, ...(key.otherHashes ?? [])]) {
      const hash = Buffer.from(text, 'base64url')
      const id = hash.toString('latin1')
      if (hash.length !== HASH_BYTES || entries.has(id)) continue
      entries.set(id, { ...entry, hash, ...(hashedUnder !== undefined && { hashedUnder }) })
    }
  }
  return { entries, hasDataKeys: directory.keys.some(({ kind }) => kind === 'data') }
}

const HASH_BYTES = 32

interface People {
  readonly users: ReadonlyMap<UserId, UserRecord>
  readonly projects: ReadonlyMap<ProjectId, ProjectRecord>
  readonly lines: ReadonlyMap<KeyId, readonly KeyId[]>
}

function entryOf(key: KeyRecord, people: People): Omit<KeyEntry, 'hash' | 'hashedUnder'> {
  const keyId = key.id
  if (!isUsable(key, people)) return { keyId }
  const expiry = key.expiresAtMs === undefined ? {} : { expiresAtMs: key.expiresAtMs }
  if (key.kind === 'data')
    return { keyId, asHolder: { type: 'found', holder: holderOf(key, people) }, ...expiry }
  const holder = adminOf(key, people)
  return holder === undefined ? { keyId } : { keyId, asAdmin: { type: 'found', holder }, ...expiry }
}

/** A key of somebody or something that is not on record is worth nothing. */
function isUsable({ revokedAtMs, userId, projectId }: KeyRecord, { users, projects }: People): boolean {
  if (revokedAtMs !== undefined) return false
  const user = userId === undefined ? undefined : users.get(userId)
  if (userId !== undefined && (user === undefined || user.disabledAtMs !== undefined)) return false
  const project = projectId === undefined ? undefined : projects.get(projectId)
  return projectId === undefined || (project !== undefined && project.archivedAtMs === undefined)
}

function holderOf(key: KeyRecord, { users, projects, lines }: People): KeyHolder {
  const user = key.userId === undefined ? undefined : users.get(key.userId)
  const project = key.projectId === undefined ? undefined : projects.get(key.projectId)
  const teamId = project?.teamId ?? user?.teamId
  return {
    keyName: key.name,
    keyId: key.id,
    line: lines.get(key.id) ?? [key.id],
    ...(project !== undefined && { projectId: project.id }),
    ...(teamId !== undefined && { teamId }),
    ...(user !== undefined && { userId: user.id }),
    scopes: key.scopes,
    ...(key.limits !== undefined && { limits: key.limits }),
    ...(key.keepBodies !== undefined && { keepBodies: key.keepBodies }),
    ...(project?.limits !== undefined && { projectLimits: project.limits }),
    isService: user?.isService ?? false,
  }
}

function adminOf({ id, name, userId, role }: KeyRecord, { users }: People): AdminHolder | undefined {
  if (userId === undefined) return role === undefined ? undefined : { keyName: name, keyId: id, role }
  const user = users.get(userId)
  return user === undefined ? undefined : { keyName: name, keyId: id, userId, role: user.role }
}
