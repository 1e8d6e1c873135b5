/** Users, teams and projects: decisions over a directory, which a store then carries out. */

import {
  checkEmail,
  checkFree,
  checkLimits,
  checkName,
  checkPersonName,
  checkRoom,
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
import type {
  Directory,
  ProjectId,
  ProjectRecord,
  RateLimits,
  Role,
  TeamId,
  TeamRecord,
  UserId,
  UserRecord,
} from './records.ts'

export interface NewUser {
  readonly name: string
  readonly email?: string
  /** Default `member`. */
  readonly role?: Role
  /** A program that has keys of its own. Default false. */
  readonly isService?: boolean
  /** By name or id. */
  readonly team?: string
}

export interface UserEdit extends DirectoryEdit {
  readonly user: UserRecord
}

export function createUser(directory: Directory, asked: NewUser, context: EditContext): UserEdit {
  checkRoom('user', directory.users)
  const name = checkPersonName(asked.name)
  checkFree(
    'user',
    name,
    directory.users.filter(({ disabledAtMs }) => disabledAtMs === undefined),
  )
  const team = teamInForce(directory, asked.team)
  const user: UserRecord = {
    // Sound: this is where ids of users are made.
    id: context.ids.next('usr_') as UserId,
    name,
    ...(asked.email !== undefined && { email: checkEmail(asked.email) }),
    role: asked.role ?? 'member',
    isService: asked.isService ?? false,
    ...(team !== undefined && { teamId: team.id }),
    createdAtMs: context.nowMs,
  }
  return { user, ...putUser('create-user', { after: user }, context) }
}

/** Every key of the user is worth nothing from then on. */
export function disableUser(directory: Directory, asked: string, context: EditContext): DirectoryEdit {
  const user = findUser(directory, asked)
  if (user.disabledAtMs !== undefined) return NO_EDIT
  refuseLastOwner(directory, user)
  return putUser('disable-user', { before: user, after: { ...user, disabledAtMs: context.nowMs } }, context)
}

export interface RoleChange {
  /** By name or id. */
  readonly user: string
  readonly role: Role
}

export function setRole(
  directory: Directory,
  { user: asked, role }: RoleChange,
  context: EditContext,
): DirectoryEdit {
  const user = findUser(directory, asked)
  if (user.role === role) return NO_EDIT
  refuseLastOwner(directory, user)
  return putUser('set-role', { before: user, after: { ...user, role } }, context)
}

export interface TeamEdit extends DirectoryEdit {
  readonly team: TeamRecord
}

export function createTeam(
  directory: Directory,
  asked: { readonly name: string },
  context: EditContext,
): TeamEdit {
  checkRoom('team', directory.teams)
  const name = checkName(asked.name)
  checkFree('team', name, directory.teams.filter(isNotArchived))
  // Sound: this is where ids of teams are made.
  const team: TeamRecord = { id: context.ids.next('team_') as TeamId, name, createdAtMs: context.nowMs }
  return {
    team,
    changes: [{ type: 'put-team', team }],
    notes: [noteOf({ action: 'create-team', subject: team.id, after: team }, context)],
  }
}

export interface NewProject {
  readonly name: string
  /** By name or id. */
  readonly team?: string
  readonly limits?: RateLimits
}

export interface ProjectEdit extends DirectoryEdit {
  readonly project: ProjectRecord
}

export function createProject(directory: Directory, asked: NewProject, context: EditContext): ProjectEdit {
  checkRoom('project', directory.projects)
  const name = checkName(asked.name)
  checkFree('project', name, directory.projects.filter(isNotArchived))
  const team = teamInForce(directory, asked.team)
  const project: ProjectRecord = {
    // Sound: this is where ids of projects are made.
    id: context.ids.next('prj_') as ProjectId,
    name,
    ...(team !== undefined && { teamId: team.id }),
    ...(asked.limits !== undefined && { limits: checkLimits(asked.limits) }),
    createdAtMs: context.nowMs,
  }
  return { project, ...putProject('create-project', { after: project }, context) }
}

/** Every key of the project is worth nothing from then on. */
export function archiveProject(directory: Directory, asked: string, context: EditContext): DirectoryEdit {
  const project = findProject(directory, asked)
  if (project.archivedAtMs !== undefined) return NO_EDIT
  const archived = { ...project, archivedAtMs: context.nowMs }
  return putProject('archive-project', { before: project, after: archived }, context)
}

export interface ProjectLimits {
  /** By name or id. */
  readonly project: string
  /** In place of those it has; `{}` takes them away. */
  readonly limits: RateLimits
}

export function setProjectLimits(
  directory: Directory,
  { project: asked, limits }: ProjectLimits,
  context: EditContext,
): DirectoryEdit {
  const project = findProject(directory, asked)
  const after = { ...project, limits: checkLimits(limits) }
  return putProject('set-project-limits', { before: project, after }, context)
}

function teamInForce(directory: Directory, asked: string | undefined): TeamRecord | undefined {
  const team = asked === undefined ? undefined : findTeam(directory, asked)
  if (team?.archivedAtMs !== undefined)
    throw new DirectoryError('invalid', 'team', `The team "${team.name}" is archived.`)
  return team
}

/** Somebody must be left who may give roles. */
function refuseLastOwner(directory: Directory, { id, role, name }: UserRecord): void {
  const isAnotherOwner = (user: UserRecord) =>
    user.id !== id && user.role === 'owner' && user.disabledAtMs === undefined
  if (role !== 'owner' || directory.users.some(isAnotherOwner)) return
  throw new DirectoryError(
    'invalid',
    'user',
    `"${name}" is the only owner: make another user an owner before this one ceases to be.`,
  )
}

interface Step<Entry> {
  readonly before?: Entry
  readonly after: Entry
}

function putUser(action: string, { before, after }: Step<UserRecord>, context: EditContext): DirectoryEdit {
  return {
    changes: [{ type: 'put-user', user: after }],
    notes: [noteOf({ action, subject: after.id, after, ...(before && { before }) }, context)],
  }
}

function putProject(
  action: string,
  { before, after }: Step<ProjectRecord>,
  context: EditContext,
): DirectoryEdit {
  return {
    changes: [{ type: 'put-project', project: after }],
    notes: [noteOf({ action, subject: after.id, after, ...(before && { before }) }, context)],
  }
}
