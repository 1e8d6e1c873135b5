/** Changes the directory for a command: decided over what is there, and decided again where somebody else was faster. */

import { namesOfFile } from '../app/config/config.ts'
import type { DirectoryEdit, EditContext } from '../keys/directory-edit.ts'
import { isInForce } from '../keys/key-changes.ts'
import type { Peppers } from '../keys/key-hashes.ts'
import type { Directory } from '../keys/records.ts'
import { systemClock } from '../std/clock.ts'
import { systemIds } from '../std/ids.ts'
import { StoreConflict } from '../std/store-error.ts'
import type { OpenedBooks } from './books.ts'
import type { CliIo } from './io.ts'

/** Somebody else may be faster this often. */
const TRIES_MAX = 5

export interface ChangeContext extends EditContext {
  readonly peppers: Peppers
  readonly namesOfFile: readonly string[]
}

export async function changeDirectory<Edit extends DirectoryEdit>(
  { store, peppers, config }: OpenedBooks,
  io: CliIo,
  decide: (directory: Directory, context: ChangeContext) => Edit,
): Promise<Edit> {
  for (let tries = 1; ; tries += 1) {
    const directory = await store.loadDirectory()
    const context = {
      nowMs: wallMs(io),
      actor: 'cli',
      ids: systemIds,
      peppers,
      namesOfFile: namesOfFile(config),
    }
    const edit = decide(directory, context)
    if (edit.changes.length === 0) return edit
    try {
      await store.changeDirectory(edit.changes, edit.notes, directory.revision)
      return edit
    } catch (error) {
      if (!(error instanceof StoreConflict) || tries === TRIES_MAX) throw error
    }
  }
}

export function wallMs(io: CliIo): number {
  return (io.clock ?? systemClock).wallMs()
}

/** Names of what ids stand for, those no longer in force among them. */
export function namesOf(directory: Directory): ReadonlyMap<string, string> {
  const records = [...directory.users, ...directory.teams, ...directory.projects, ...directory.keys]
  return new Map(records.map(({ id, name }) => [id, name]))
}

/** What became of a key, in a word. */
export function stateOf(key: Directory['keys'][number], nowMs: number): string {
  if (key.revokedAtMs !== undefined) return 'revoked'
  if (!isInForce(key, nowMs)) return 'expired'
  return key.replacedBy === undefined ? 'active' : 'rotated'
}
