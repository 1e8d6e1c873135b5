/** `holdfast migrate`: copies everything that is kept into another store, and says what all of it adds up to. */

import { constants, copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import path from 'node:path'
import type { StoreChoice } from '../../app/config/config.ts'
import { forgetKnown } from '../../app/open-store.ts'
import { MASTER_SECRET_VARIABLE } from '../../std/master-secret.ts'
import { Secret } from '../../std/secret.ts'
import type { BooksAsk, Copyable, OpenedBooks } from '../books.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { openOwnBooks, usualStore, withConfig } from '../open-books.ts'
import { CommandRefusal } from '../refusal.ts'
import { codeOf } from '../settings-files.ts'

export type MigrateKind = 'sqlite' | 'postgres'

export interface MigrateOptions extends CommonOptions {
  /** SQLite's file instead of the configuration's, or the usual one. */
  readonly sqlite?: string
  /** Where this node keeps what a PostgreSQL database does not have yet. */
  readonly folder?: string
}

type Choice = Exclude<StoreChoice, { kind: 'memory' }>

export function migrate(
  from: MigrateKind,
  to: MigrateKind,
  options: MigrateOptions,
  io: CliIo,
): Promise<ExitCode> {
  return withConfig(options, io, async (ask) => {
    if (from === to)
      throw new CommandRefusal('both stores are of one kind: say sqlite postgres, or postgres sqlite')
    const [source, target] = [choiceOf(from, options, ask), choiceOf(to, options, ask)]
    refuseMissing(source)
    refuseUnfinished(baseOf(source))
    carrySecret(baseOf(source), baseOf(target), ask)
    const open = io.openBooks ?? openOwnBooks
    const source_ = await open({ ...ask, choice: source })
    try {
      const target_ = await open({ ...ask, choice: target, isCopyTarget: true })
      try {
        const totals = await copy(source_, target_)
        // What was known of another store in its place the next start would put back.
        await forgetKnown(baseOf(target))
        if (options.json) printJson(io, { ok: true, from, to, totals })
        else say(totals, { to, options, io })
        return exitCodes.ok
      } finally {
        await target_.close()
      }
    } finally {
      await source_.close()
    }
  })
}

async function copy(source: OpenedBooks, target: OpenedBooks): Promise<object> {
  if (!Buffer.from(source.peppers[0]).equals(target.peppers[0]))
    throw new CommandRefusal(
      `the two stores have different master secrets, so that no key would be known: set ${MASTER_SECRET_VARIABLE}, or copy the .key file of the one beside the other`,
    )
  const [from, to] = [copyable(source), copyable(target)]
  return await to.importAll(from.exportAll())
}

function copyable({ transfer }: OpenedBooks): Copyable {
  if (transfer !== undefined) return transfer
  throw new CommandRefusal('this store cannot be copied')
}

function choiceOf(kind: MigrateKind, options: MigrateOptions, ask: BooksAsk): Choice {
  const { config, directory, env } = ask
  const folder = config.path === undefined ? directory : path.dirname(path.resolve(directory, config.path))
  if (kind === 'sqlite') {
    if (options.sqlite !== undefined) return { kind, path: path.resolve(directory, options.sqlite) }
    return config.store?.kind === 'sqlite' ? config.store : usualStore(ask)
  }
  const own = config.store?.kind === 'postgres' ? config.store : undefined
  const url = own?.url ?? (env['DATABASE_URL'] ? new Secret(env['DATABASE_URL']) : undefined)
  if (url === undefined || !/^postgres(?:ql)?:\/\/\S+$/.test(url.reveal()))
    throw new CommandRefusal(
      'where the PostgreSQL database is says neither the configuration nor DATABASE_URL: set it to postgres://user:password@host:port/database',
    )
  const named = options.folder === undefined ? undefined : path.resolve(directory, options.folder)
  return { kind, url, folder: named ?? own?.folder ?? path.join(folder, 'holdfast-data') }
}

/** As the gateway names the files beside a store. */
function baseOf(choice: Choice): string {
  return choice.kind === 'sqlite' ? choice.path : path.join(choice.folder, 'holdfast')
}

/** Opening a file that is not there makes an empty one: nothing would be copied, and that be told as done. */
function refuseMissing(source: Choice): void {
  if (source.kind !== 'sqlite' || existsSync(source.path)) return
  throw new CommandRefusal(
    `there is no ${source.path}: name the file with --sqlite, or run this in the folder of the gateway`,
  )
}

/** What a gateway has not posted yet is in no store: it must have ended well. */
function refuseUnfinished(base: string): void {
  const folder = `${base}.books`
  if (!existsSync(folder) || readdirSync(folder).length === 0) return
  throw new CommandRefusal(
    `${folder} holds books of a gateway that runs, or that died: stop it; where none runs, start it once more and stop it, so that nothing is left behind`,
  )
}

/** A secret that was made for one store is needed by the other: without it no key and no kept answer can be read. */
function carrySecret(from: string, to: string, { config, env }: BooksAsk): void {
  const isGiven = config.masterKey !== undefined || (env[MASTER_SECRET_VARIABLE] ?? '') !== ''
  if (isGiven || !existsSync(`${from}.key`) || existsSync(`${to}.key`)) return
  try {
    mkdirSync(path.dirname(to), { recursive: true, mode: 0o700 })
    copyFileSync(`${from}.key`, `${to}.key`, constants.COPYFILE_EXCL)
  } catch (error) {
    throw new CommandRefusal(
      `${from}.key cannot be copied to ${to}.key (${codeOf(error)}): copy it yourself, or set ${MASTER_SECRET_VARIABLE}`,
    )
  }
}

interface Saying {
  readonly to: MigrateKind
  readonly options: MigrateOptions
  readonly io: CliIo
}

function say(totals: object, { to, options, io }: Saying): void {
  if (options.quiet === true) return
  io.out(io.style('green', 'everything is copied, and adds up to the same on both sides:'))
  for (const [name, value] of Object.entries(totals)) io.out(`  ${name}: ${value}`)
  const example = to === 'postgres' ? '{ kind: postgres, url: "${DATABASE_URL}" }' : '{ kind: sqlite }'
  io.out(`now write into the configuration: store: ${example}`)
}
