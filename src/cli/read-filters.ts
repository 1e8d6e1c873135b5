/** Whose and which requests are meant: names on the command line become the ids that records hold. */

import { findProject, findTeam, findUser } from '../keys/directory-edit.ts'
import type { Directory } from '../keys/records.ts'
import { nearest } from '../std/nearest.ts'
import { shown } from './read-values.ts'
import { CommandRefusal } from './refusal.ts'

export interface FilterOptions {
  readonly key?: string
  readonly project?: string
  readonly team?: string
  readonly user?: string
  readonly endUser?: string
  readonly tag?: string
  readonly session?: string
  readonly route?: string
  readonly model?: string
  readonly target?: string
  readonly provider?: string
}

/** By id, or by name; also those that are revoked, for what they spent is still theirs. */
export function keyIdOf(directory: Directory, asked: string): string {
  const { keys } = directory
  const found = keys.find(({ id }) => id === asked) ?? keys.findLast(({ name }) => name === asked)
  if (found !== undefined) return found.id
  const hint = nearest(
    asked,
    keys.map(({ name }) => name),
  )
  throw new CommandRefusal(
    `there is no key ${asked.startsWith('sk-') ? 'of that name (say its name or id, never the key itself)' : shown(asked)}${hint === undefined ? '' : `; did you mean ${hint}?`}`,
  )
}

export function readWhere(options: FilterOptions, directory: Directory) {
  const { key, project, team, user, endUser, tag, session, route, model, target, provider } = options
  return {
    ...(key !== undefined && { key: keyIdOf(directory, key) }),
    ...(project !== undefined && { project: findProject(directory, project).id }),
    ...(team !== undefined && { team: findTeam(directory, team).id }),
    ...(user !== undefined && { user: findUser(directory, user).id }),
    ...(endUser !== undefined && { 'end-user': endUser }),
    ...(tag !== undefined && { tag }),
    ...(session !== undefined && { session }),
    ...(route !== undefined && { route }),
    ...(model !== undefined && { model }),
    ...(target !== undefined && { target }),
    ...(provider !== undefined && { provider }),
  }
}
