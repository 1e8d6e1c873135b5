/** Whose and which requests are meant: names on the command line become the ids that records hold. */

import { findProject, findTeam, findUser } from '../keys/directory-edit.ts'
import type { Directory } from '../keys/records.ts'
import { keysMeant } from '../keys/rotation-lines.ts'
import { namesAsked } from '../ledger/said-names.ts'
import { nearest } from '../std/nearest.ts'
import type { CliIo } from './io.ts'
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

/** Where names of keys are looked for. */
export interface KnownKeys {
  readonly directory: Directory
  /** Keys of the file, which have no id but their name. */
  readonly namesOfFile: readonly string[]
}

/** By id that key alone, by name the whole line of its rotations; also those that are over, for what they spent is still theirs. */
export function keyIdsOf({ directory: { keys }, namesOfFile }: KnownKeys, asked: string): readonly string[] {
  const meant = keysMeant({ keys, namesOfFile }, asked)
  if (meant !== undefined) return meant
  const hint = nearest(asked, [...keys.map(({ name }) => name), ...namesOfFile])
  throw new CommandRefusal(
    `there is no key ${asked.startsWith('sk-') ? 'of that name (say its name or id, never the key itself)' : shown(asked)}${hint === undefined ? '' : `; did you mean ${hint}?`}`,
  )
}

/** Whoever asks by a name is told that it means several keys, and of others that had it and are not among what is found. */
export function noteNamesakes(known: KnownKeys, asked: string | undefined, io: Pick<CliIo, 'err'>): void {
  const named = known.directory.keys.filter(({ name }) => name === asked)
  if (asked === undefined || named.length === 0) return
  const meant = keyIdsOf(known, asked)
  if (meant.length > 1)
    io.err(
      `note: ${shown(asked)} was rotated, and this is of all its keys; by id it is of one: ${listed(meant)}`,
    )
  const others = named.flatMap(({ id }) => (meant.includes(id) ? [] : [id]))
  if (others.length > 0)
    io.err(
      `note: other keys were called ${shown(asked)} and are left out; ask by id for them: ${listed(others)}`,
    )
}

const LISTED_MAX = 5

function listed(ids: readonly string[]): string {
  const more = ids.length - LISTED_MAX
  return `${ids.slice(0, LISTED_MAX).join(', ')}${more > 0 ? ` and ${more} more (holdfast key list --all)` : ''}`
}

export function readWhere(options: FilterOptions, known: KnownKeys) {
  const { directory } = known
  const { key, project, team, user, route, model, target, provider } = options
  const { endUser, ...tagAndSession } = namesAsked(options)
  return {
    ...(key !== undefined && { key: keyIdsOf(known, key) }),
    ...(project !== undefined && { project: findProject(directory, project).id }),
    ...(team !== undefined && { team: findTeam(directory, team).id }),
    ...(user !== undefined && { user: findUser(directory, user).id }),
    ...(endUser !== undefined && { 'end-user': endUser }),
    ...tagAndSession,
    ...(route !== undefined && { route }),
    ...(model !== undefined && { model }),
    ...(target !== undefined && { target }),
    ...(provider !== undefined && { provider }),
  }
}
