/** Whose and which requests are meant: names on the command line become the ids that records hold. */

import { findProject, findTeam, findUser } from '../keys/directory-edit.ts'
import type { Directory } from '../keys/records.ts'
import { endUserName, sessionName, tagName } from '../ledger/said-names.ts'
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

/** By id, or by name; also those that are revoked, for what they spent is still theirs. */
export function keyIdOf({ directory: { keys }, namesOfFile }: KnownKeys, asked: string): string {
  const found = keys.find(({ id }) => id === asked) ?? keys.findLast(({ name }) => name === asked)
  if (found !== undefined) return found.id
  if (namesOfFile.includes(asked)) return asked
  const hint = nearest(asked, [...keys.map(({ name }) => name), ...namesOfFile])
  throw new CommandRefusal(
    `there is no key ${asked.startsWith('sk-') ? 'of that name (say its name or id, never the key itself)' : shown(asked)}${hint === undefined ? '' : `; did you mean ${hint}?`}`,
  )
}

/** Whoever asks by a name is told of the other keys that have or had it, as after a rotation: they are not among what is found. */
export function noteNamesakes(
  { directory: { keys } }: KnownKeys,
  asked: string | undefined,
  io: Pick<CliIo, 'err'>,
): void {
  const [meant, ...others] = keys.filter(({ name }) => name === asked).toReversed()
  if (meant === undefined || others.length === 0) return
  const ids = others.map(({ id }) => id)
  io.err(
    `note: of the keys named ${shown(meant.name)} this is ${meant.id} alone; ask by id for the others: ${ids.join(', ')}`,
  )
}

export function readWhere(options: FilterOptions, known: KnownKeys) {
  const { directory } = known
  const { key, project, team, user, endUser, tag, session, route, model, target, provider } = options
  return {
    ...(key !== undefined && { key: keyIdOf(known, key) }),
    ...(project !== undefined && { project: findProject(directory, project).id }),
    ...(team !== undefined && { team: findTeam(directory, team).id }),
    ...(user !== undefined && { user: findUser(directory, user).id }),
    ...(endUser !== undefined && { 'end-user': endUserName(endUser) }),
    ...(tag !== undefined && { tag: tagName(tag) }),
    ...(session !== undefined && { session: sessionName(session) }),
    ...(route !== undefined && { route }),
    ...(model !== undefined && { model }),
    ...(target !== undefined && { target }),
    ...(provider !== undefined && { provider }),
  }
}
