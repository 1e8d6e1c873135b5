/** Changes of what is on record already: what a key may do, where people and projects belong, what things are called. */

import { isDeepStrictEqual } from 'node:util'
import {
  checkEmail,
  checkFree,
  checkLimits,
  checkName,
  checkPersonName,
  DirectoryError,
  type DirectoryEdit,
  type EditContext,
  findProject,
  findTeam,
  findUser,
  isNotArchived,
  NO_EDIT,
  noteOf,
} from './directory-edit.ts'
import { checkKeepBodies, checkScopes, findKey, type KeyEdit } from './key-changes.ts'
import { setRole } from './people-changes.ts'
import type {
  Directory,
  DirectoryChange,
  KeyRecord,
  KeyScopes,
  ProjectRecord,
  RateLimits,
  Role,
  TeamRecord,
  UserRecord,
} from './records.ts'

export interface KeyChange {
  /** By id, or by name where it is in force. */
  readonly key: string
  /** Each in place of what it was; `null` takes it away. */
  readonly scopes?: KeyScopes
  readonly limits?: RateLimits | null
  readonly keepBodies?: boolean | null
  readonly expiresAtMs?: number | null
}

/** A revoked key stays as it is. */
export function changeKey(
  directory: Directory,
  { key: asked, scopes, limits, keepBodies, expiresAtMs }: KeyChange,
  context: EditContext,
): Pick<KeyEdit, 'key' | 'changes' | 'notes'> {
  const before = findKey(directory, asked, context)
  if (before.revokedAtMs !== undefined)
    throw new DirectoryError('invalid', 'key', `The key "${before.name}" is revoked: create another.`)
  if (typeof expiresAtMs === 'number' && !(Number.isSafeInteger(expiresAtMs) && expiresAtMs > context.nowMs))
    throw new DirectoryError('invalid', 'expiresAtMs', 'This time is over: revoke the key to end it at once.')
  checkKeepBodies(before.kind, keepBodies ?? undefined)
  const { limits: _limits, expiresAtMs: _expiry, keepBodies: _keep, ...rest } = before
  const newLimits = limits === undefined ? before.limits : limits
  const newKeeping = keepBodies === undefined ? before.keepBodies : keepBodies
  const newExpiry = expiresAtMs === undefined ? before.expiresAtMs : expiresAtMs
  const after: KeyRecord = {
    ...rest,
    ...(scopes !== undefined && { scopes: checkScopes(scopes) }),
    ...(newLimits && { limits: checkLimits(newLimits) }),
    ...(typeof newKeeping === 'boolean' && { keepBodies: newKeeping }),
    ...(typeof newExpiry === 'number' && { expiresAtMs: newExpiry }),
  }
  if (after.replacedBy !== undefined && after.expiresAtMs === undefined)
    throw new DirectoryError('invalid', 'expiresAtMs', 'A key that another has replaced keeps its end.')
  const edit = stepOf({ type: 'put-key', key: after }, { action: 'change-key', before, after }, context)
  return { key: after, ...edit }
}

export interface UserChange {
  /** By name or id. */
  readonly user: string
  readonly name?: string
  readonly email?: string | null
  readonly role?: Role
  /** By name or id; `null`: in none. */
  readonly team?: string | null
}

export function changeUser(
  directory: Directory,
  { user: asked, name, email, role, team }: UserChange,
  context: EditContext,
): DirectoryEdit & { readonly user: UserRecord } {
  const before = findUser(directory, asked)
  if (before.disabledAtMs !== undefined)
    throw new DirectoryError('invalid', 'user', `The user "${before.name}" is disabled: create another.`)
  // Refuses that the last owner ceases to be one.
  if (role !== undefined) setRole(directory, { user: before.id, role }, context)
  if (name !== undefined && name !== before.name)
    checkFree(
      'user',
      checkPersonName(name),
      directory.users.filter(({ disabledAtMs }) => disabledAtMs === undefined),
    )
  const { email: _email, teamId: _team, ...rest } = before
  const newEmail = email === undefined ? before.email : email
  const newTeam = team === undefined ? before.teamId : team === null ? null : teamInForce(directory, team).id
  const after: UserRecord = {
    ...rest,
    ...(name !== undefined && { name }),
    ...(role !== undefined && { role }),
    ...(typeof newEmail === 'string' && { email: checkEmail(newEmail) }),
    ...(typeof newTeam === 'string' && { teamId: newTeam }),
  }
  const edit = stepOf({ type: 'put-user', user: after }, { action: 'change-user', before, after }, context)
  return { user: after, ...edit }
}

export interface ProjectChange {
  /** By name or id. */
  readonly project: string
  readonly name?: string
  /** By name or id; `null`: of none. */
  readonly team?: string | null
  readonly limits?: RateLimits | null
}

export function changeProject(
  directory: Directory,
  { project: asked, name, team, limits }: ProjectChange,
  context: EditContext,
): DirectoryEdit & { readonly project: ProjectRecord } {
  const before = findProject(directory, asked)
  refuseArchived('project', before)
  if (name !== undefined && name !== before.name)
    checkFree('project', checkName(name), directory.projects.filter(isNotArchived))
  const { limits: _limits, teamId: _team, ...rest } = before
  const newLimits = limits === undefined ? before.limits : limits
  const newTeam = team === undefined ? before.teamId : team === null ? null : teamInForce(directory, team).id
  const after: ProjectRecord = {
    ...rest,
    ...(name !== undefined && { name }),
    ...(typeof newTeam === 'string' && { teamId: newTeam }),
    ...(newLimits && { limits: checkLimits(newLimits) }),
  }
  const edit = stepOf(
    { type: 'put-project', project: after },
    { action: 'change-project', before, after },
    context,
  )
  return { project: after, ...edit }
}

export interface TeamChange {
  /** By name or id. */
  readonly team: string
  readonly name: string
}

export function renameTeam(
  directory: Directory,
  { team: asked, name }: TeamChange,
  context: EditContext,
): DirectoryEdit & { readonly team: TeamRecord } {
  const before = findTeam(directory, asked)
  refuseArchived('team', before)
  if (name !== before.name) checkFree('team', checkName(name), directory.teams.filter(isNotArchived))
  const after = { ...before, name }
  return {
    team: after,
    ...stepOf({ type: 'put-team', team: after }, { action: 'rename-team', before, after }, context),
  }
}

/** Its people and projects stay with it; nobody new can join. */
export function archiveTeam(directory: Directory, asked: string, context: EditContext): DirectoryEdit {
  const before = findTeam(directory, asked)
  if (before.archivedAtMs !== undefined) return NO_EDIT
  const after = { ...before, archivedAtMs: context.nowMs }
  return stepOf({ type: 'put-team', team: after }, { action: 'archive-team', before, after }, context)
}

function teamInForce(directory: Directory, asked: string): TeamRecord {
  const team = findTeam(directory, asked)
  refuseArchived('team', team)
  return team
}

function refuseArchived(kind: string, { name, archivedAtMs }: TeamRecord | ProjectRecord): void {
  if (archivedAtMs !== undefined)
    throw new DirectoryError('invalid', kind, `The ${kind} "${name}" is archived.`)
}

interface Step {
  readonly action: string
  readonly before: { readonly id: string }
  readonly after: object
}

/** Nothing is changed where everything is as it should be already. */
function stepOf(
  change: DirectoryChange,
  { action, before, after }: Step,
  context: EditContext,
): DirectoryEdit {
  if (isDeepStrictEqual(before, after)) return NO_EDIT
  return { changes: [change], notes: [noteOf({ action, subject: before.id, before, after }, context)] }
}
