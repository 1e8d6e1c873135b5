/** Opens the store of the configuration for a command, and says in one sentence what keeps it from being opened or used. */

import path from 'node:path'
import { openStore } from '../app/open-store.ts'
import { findBodies } from '../archive/find-bodies.ts'
import { StartError } from '../app/start-error.ts'
import { DirectoryError } from '../keys/directory-edit.ts'
import { systemClock } from '../std/clock.ts'
import { StoreConflict, StoreSchemaError, StoreUnavailable } from '../std/store-error.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import type { BooksAsk, Copyable, OpenedBooks } from './books.ts'
import { loadOrPrint } from './commands/load-everything.ts'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from './io.ts'
import { CommandRefusal } from './refusal.ts'

/** Runs `use` with the store open, and closes it whatever happens. */
export async function withBooks(
  options: CommonOptions,
  io: CliIo,
  use: (books: OpenedBooks) => Promise<ExitCode>,
): Promise<ExitCode> {
  return withConfig(options, io, async (ask) => {
    const books = await (io.openBooks ?? openOwnBooks)(ask)
    try {
      return await use(books)
    } finally {
      await books.close()
    }
  })
}

/** Runs `use` with what a store is opened by, and says in one sentence what went wrong. */
export async function withConfig(
  options: CommonOptions,
  io: CliIo,
  use: (ask: BooksAsk) => Promise<ExitCode>,
): Promise<ExitCode> {
  const loaded = loadOrPrint(options, io)
  if (!loaded.ok) return loaded.exitCode
  const { config } = loaded
  try {
    return await use({ config, masterKey: config.masterKey, directory: io.directory, env: io.env })
  } catch (error) {
    const told = tellFailure(error)
    if (told === undefined) throw error
    if (options.json) printJson(io, { ok: false, message: told.message })
    else io.err(told.message)
    return told.exitCode
  }
}

/** SQLite's file where nothing else is said, beside the configuration. */
const SQLITE_FILE = 'holdfast.db'

export async function openOwnBooks(ask: BooksAsk): Promise<OpenedBooks> {
  const { config, masterKey, env } = ask
  const choice = ask.choice ?? config.store ?? usualStore(ask)
  if (choice.kind === 'memory')
    throw new CommandRefusal(
      'store: memory keeps nothing beyond one process: name a store of kind sqlite or postgres in the configuration',
    )
  const { notices } = createTelemetry()
  const opened = await openStore(choice, {
    clock: systemClock,
    telemetry: { notices },
    masterKey,
    env,
    ...(ask.isCopyTarget && { isCopyTarget: true }),
  })
  return {
    store: opened.store,
    // Sound: both stores are of this program, and take each other's chunks.
    ...(opened.transfer && { transfer: opened.transfer as Copyable }),
    peppers: opened.peppers,
    sealer: opened.sealer,
    base: opened.base,
    config,
    findBodies: (exchangeId) => findBodies(exchangeId, { ...opened, clock: systemClock }),
    close: () => opened.store.close(),
  }
}

export function usualStore({ config, directory }: Pick<BooksAsk, 'config' | 'directory'>) {
  const folder = config.path === undefined ? directory : path.dirname(path.resolve(directory, config.path))
  return { kind: 'sqlite' as const, path: path.join(folder, SQLITE_FILE) }
}

function tellFailure(error: unknown): { readonly message: string; readonly exitCode: ExitCode } | undefined {
  if (error instanceof CommandRefusal || error instanceof DirectoryError)
    return { message: error.message, exitCode: exitCodes.configuration }
  if (error instanceof StartError)
    return {
      message: error.message,
      exitCode: error.reason === 'configuration' ? exitCodes.configuration : exitCodes.environment,
    }
  if (error instanceof StoreUnavailable)
    return { message: `the store does not answer: ${error.message}`, exitCode: exitCodes.failed }
  if (error instanceof StoreConflict || error instanceof StoreSchemaError)
    return { message: error.message, exitCode: exitCodes.failed }
  return undefined
}
