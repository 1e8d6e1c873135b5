/**
 * What a caller sees: members what is their own, their keys and what those spent, their team and its projects; everybody
 * else all of it. What is out of sight answers as what does not exist (SEC-19).
 */

import type {
  Directory,
  KeyRecord,
  ProjectRecord,
  TeamRecord,
  UserId,
  UserRecord,
} from '../../keys/records.ts'
import type { BudgetScope } from '../../ledger/budget.ts'
import type { Attribution } from '../../ledger/entry.ts'
import type { Caller } from './caller.ts'

export interface Sight {
  /** Reports must be narrowed to this user; absent: everything is seen. */
  readonly onlyUser?: UserId | typeof NOBODY
  key(key: KeyRecord): boolean
  project(project: ProjectRecord): boolean
  team(team: TeamRecord): boolean
  user(user: UserRecord): boolean
  budget(scope: BudgetScope): boolean
  attribution(attribution: Attribution): boolean
}

/** A member who is no user owns nothing. No user has this id. */
export const NOBODY = 'nobody'

export function sightOf({ role, userId }: Caller, directory: Directory): Sight {
  return role === 'member' ? ownSight(userId, directory) : EVERYTHING
}

const always = () => true
const EVERYTHING: Sight = {
  key: always,
  project: always,
  team: always,
  user: always,
  budget: always,
  attribution: always,
}

function ownSight(userId: UserId | undefined, directory: Directory): Sight {
  const teamId = directory.users.find(({ id }) => id === userId)?.teamId
  const isOwnUser = (id: string | undefined) => id !== undefined && id === userId
  const isOwnTeam = (id: string | undefined) => id !== undefined && id === teamId
  let ownKeys: ReadonlySet<string> | undefined
  const isOwnKey = (id: string) => {
    ownKeys ??= new Set(directory.keys.filter((key) => isOwnUser(key.userId)).map((key) => key.id))
    return ownKeys.has(id)
  }
  return {
    onlyUser: userId ?? NOBODY,
    key: (key) => isOwnUser(key.userId),
    project: (project) => isOwnTeam(project.teamId),
    team: ({ id }) => isOwnTeam(id),
    user: ({ id }) => isOwnUser(id),
    budget(scope) {
      switch (scope.kind) {
        case 'user':
          return isOwnUser(scope.id)
        case 'team':
          return isOwnTeam(scope.id)
        case 'key':
          return isOwnKey(scope.id)
        case 'project':
          return isOwnTeam(directory.projects.find(({ id }) => id === scope.id)?.teamId)
        case 'tag':
        case 'end-user':
        case 'model':
        case 'all':
          return false
      }
    },
    attribution: (attribution) => isOwnUser(attribution.userId),
  }
}
