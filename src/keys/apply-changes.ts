/** A directory with changes made in it, as a store makes them. */

import type { Directory, DirectoryChange } from './records.ts'

/** One revision on. A record takes the place of the one with its id, or comes last. */
export function applyChanges(directory: Directory, changes: readonly DirectoryChange[]): Directory {
  const next = { ...directory, revision: directory.revision + 1 }
  for (const change of changes) {
    switch (change.type) {
      case 'put-user':
        next.users = put(next.users, change.user)
        break
      case 'put-team':
        next.teams = put(next.teams, change.team)
        break
      case 'put-project':
        next.projects = put(next.projects, change.project)
        break
      case 'put-key':
        next.keys = put(next.keys, change.key)
        break
    }
  }
  return next
}

function put<Entry extends { readonly id: string }>(
  entries: readonly Entry[],
  entry: Entry,
): readonly Entry[] {
  return entries.some(({ id }) => id === entry.id)
    ? entries.map((other) => (other.id === entry.id ? entry : other))
    : [...entries, entry]
}
