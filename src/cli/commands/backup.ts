/** `holdfast backup`: a whole copy of the store, made while it is in use. */

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { withBooks } from '../open-books.ts'
import { CommandRefusal } from '../refusal.ts'

export function backup(file: string, options: CommonOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async ({ store }) => {
    if (store.backup === undefined)
      throw new CommandRefusal(
        'this store is no file that could be copied: a PostgreSQL database is saved with pg_dump',
      )
    const path = resolve(io.directory, file)
    if (existsSync(path)) throw new CommandRefusal(`${file} is there already: give another name`)
    await store.backup(path)
    if (options.json) printJson(io, { ok: true, path })
    else if (options.quiet !== true)
      io.out(
        `${file} is a whole copy; keep the master secret (HOLDFAST_MASTER_KEY, or the .key file beside the store) with it`,
      )
    return exitCodes.ok
  })
}
