/** Under which name the cache has the answers of a project or of a key: where they are to be removed, only that is known of them. */

import type { CacheOwner } from '../cache/cache-clearing.ts'
import { DirectoryError } from '../keys/directory-edit.ts'
import type { KeyRecord } from '../keys/records.ts'
import { linesOf } from '../keys/rotation-lines.ts'

/**
 * As `Caller`s own them (`caller-owner.ts`); `undefined` for everybody's. A key that is none of `keys` is one of the file, by
 * its name. Throws `DirectoryError` where answers of one key alone cannot be told apart.
 */
export function cachedFor({ project, key }: CacheOwner, keys: readonly KeyRecord[]): string | undefined {
  if (project !== undefined && key !== undefined)
    throw new DirectoryError('invalid', 'key', 'Name a project or a key, not both.')
  if (key === undefined) return project
  const record = keys.find(({ id }) => id === key)
  if (record?.projectId !== undefined)
    throw new DirectoryError(
      'invalid',
      'key',
      `The key ${record.name} belongs to a project, and the cache has the answers of a project together: clear those of the project ${record.projectId}.`,
    )
  return record === undefined ? key : (linesOf(keys).get(record.id)?.[0] ?? record.id)
}
