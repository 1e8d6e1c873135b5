/** `holdfast cache`: empties the cache. */

import { namesOfFile } from '../../app/config/config.ts'
import { clearNote } from '../../cache/cache-clearing.ts'
import { cachedFor } from '../../exchange/cached-for.ts'
import { findProject } from '../../keys/directory-edit.ts'
import { wallMs } from '../change-books.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { withBooks } from '../open-books.ts'
import { keyIdsOf } from '../read-filters.ts'
import { count } from '../words.ts'

export interface CacheClearOptions extends CommonOptions {
  readonly project?: string
  readonly key?: string
}

export function cacheClear(options: CacheClearOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async ({ store, config }) => {
    const directory = await store.loadDirectory()
    const { project, key } = options
    const owner = {
      ...(project !== undefined && { project: findProject(directory, project).id }),
      // Whichever of its line of rotations: they share what is cached.
      ...(key !== undefined && {
        key: keyIdsOf({ directory, namesOfFile: namesOfFile(config) }, key).at(-1) ?? key,
      }),
    }
    const tenant = cachedFor(owner, directory.keys)
    const note = clearNote({ atMs: wallMs(io), actor: 'cli', owner })
    const removed = await store.dropCached([note], tenant)
    if (options.json) printJson(io, { ok: true, removed })
    else if (options.quiet !== true)
      io.out(`${count(removed, 'answer')} removed; a running gateway gives none of them within two seconds`)
    return exitCodes.ok
  })
}
