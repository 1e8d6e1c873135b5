/** A directory with changes made in it, as a store makes them, and the changes that make one. */

import type { Directory, DirectoryChange } from './records.ts'

/** One revision on. A record takes the place of the one with its id, or comes last. */
export function applyChanges(directory: Directory, changes: readonly DirectoryChange[]): Directory {
  return {
    revision: directory.revision + 1,
    users: withRecords(
      directory.users,
      changes.flatMap((change) => (change.type === 'put-user' ? [change.user] : [])),
    ),
    teams: withRecords(
      directory.teams,
      changes.flatMap((change) => (change.type === 'put-team' ? [change.team] : [])),
    ),
    projects: withRecords(
      directory.projects,
      changes.flatMap((change) => (change.type === 'put-project' ? [change.project] : [])),
    ),
    keys: withRecords(
      directory.keys,
      changes.flatMap((change) => (change.type === 'put-key' ? [change.key] : [])),
    ),
  }
}

function withRecords<Entry extends { readonly id: string }>(
  entries: readonly Entry[],
  put: readonly Entry[],
): readonly Entry[] {
  if (put.length === 0) return entries
  const records = new Map(entries.map((entry) => [entry.id, entry]))
  for (const entry of put) records.set(entry.id, entry)
  return [...records.values()]
}

/** A change for each of its records. */
export function everythingIn({ users, teams, projects, keys }: Directory): readonly DirectoryChange[] {
  return [
    ...teams.map((team) => ({ type: 'put-team', team }) as const),
    ...users.map((user) => ({ type: 'put-user', user }) as const),
    ...projects.map((project) => ({ type: 'put-project', project }) as const),
    ...keys.map((key) => ({ type: 'put-key', key }) as const),
  ]
}
