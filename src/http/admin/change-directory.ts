/** Carries a change of the directory out: decided over what is known, stored with its audit lines, in force at once here. */

import { DirectoryError, type DirectoryEdit, type EditContext } from '../../keys/directory-edit.ts'
import type { Directory, DirectoryChange } from '../../keys/records.ts'
import { StoreConflict } from '../../std/store-error.ts'
import type { AdminCall } from './endpoint.ts'
import { AdminProblem, invalid } from './problem.ts'

/** Somebody else may be faster this often. */
const TRIES_MAX = 5

type Decide<Edit> = (directory: Directory, context: EditContext) => Edit

/**
 * What the edit came to, and the directory with it. `decide` is called again where somebody else was faster. A key that is
 * made comes into force after the budgets that were there before the call, or is not made.
 */
export async function changeDirectory<Edit extends DirectoryEdit>(
  { rooms, caller }: Pick<AdminCall, 'rooms' | 'caller'>,
  decide: Decide<Edit>,
): Promise<{ readonly edit: Edit; readonly directory: Directory }> {
  const { store, directory: known, budgets, clock, ids } = rooms
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const before = currentOf(known)
    const edit = decided(decide, before, { nowMs: clock.wallMs(), actor: caller.actor, ids })
    if (edit.changes.length === 0) return { edit, directory: before }
    if (bringsKey(edit.changes, before) && !(await budgets.look())) throw unbounded()
    try {
      const revision = await store.changeDirectory(edit.changes, edit.notes, before.revision)
      known.take(edit.changes, revision)
      return { edit, directory: currentOf(known) }
    } catch (error) {
      if (!(error instanceof StoreConflict)) throw error
      await known.refresh()
    }
  }
  throw new AdminProblem('conflict', 'Others change the directory faster than this change could be made.')
}

/** What changes a key that is there, or revokes it, waits for nothing. */
function bringsKey(changes: readonly DirectoryChange[], { keys }: Directory): boolean {
  return changes.some((change) => change.type === 'put-key' && !keys.some(({ id }) => id === change.key.id))
}

function unbounded(): AdminProblem {
  return new AdminProblem(
    'store_unavailable',
    'The budgets cannot be read, and no key comes into force without them: nothing was changed.',
  )
}

function currentOf({ current }: { readonly current: Directory | undefined }): Directory {
  if (current !== undefined) return current
  throw new AdminProblem('store_unavailable', 'The directory of users and keys has not been read yet.')
}

function decided<Edit>(decide: Decide<Edit>, directory: Directory, context: EditContext): Edit {
  try {
    return decide(directory, context)
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error
    if (error.reason === 'taken') throw new AdminProblem('conflict', error.message)
    throw invalid(error.field, error.message)
  }
}
