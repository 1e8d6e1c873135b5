/** `holdfast project`, `team` and `user`: makes and lists those whom keys and budgets belong to, and changes projects. */

import { findProject } from '../../keys/directory-edit.ts'
import { createProject, createTeam, createUser } from '../../keys/people-changes.ts'
import { changeProject } from '../../keys/record-changes.ts'
import type { Role } from '../../keys/records.ts'
import { projectTable } from '../../reports/record-tables.ts'
import { sayProject } from '../../reports/say-records.ts'
import { changeDirectory, namesOf } from '../change-books.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { withBooks } from '../open-books.ts'
import { printCsv } from '../print-csv.ts'
import { changedLimits, LIMIT_FLAGS, type LimitOptions, readLimits, sayLimits } from '../read-limits.ts'
import { readUnset } from '../read-unset.ts'
import { sayMoment, tableLines } from '../table.ts'

export interface ProjectOptions extends CommonOptions, LimitOptions {
  readonly team?: string
}

export function projectCreate(name: string, options: ProjectOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    const { team } = options
    const limits = readLimits(options)
    const asked = {
      name,
      ...(team !== undefined && { team }),
      ...(Object.keys(limits).length > 0 && { limits }),
    }
    const { project } = await changeDirectory(books, io, (directory, context) =>
      createProject(directory, asked, context),
    )
    return sayMade('project', project, options, io)
  })
}

export interface ProjectSetOptions extends ProjectOptions {
  readonly name?: string
  readonly unset?: string
}

const CHANGEABLE = {
  flags: [...LIMIT_FLAGS, 'team', 'name'],
  unsettable: [...LIMIT_FLAGS, 'team'],
}

/** What no flag names stays as it was. */
export function projectSet(asked: string, options: ProjectSetOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    const unset = readUnset(options, CHANGEABLE)
    const { name, team, json, quiet } = options
    const { project } = await changeDirectory(books, io, (directory, context) => {
      const before = findProject(directory, asked)
      const change = {
        project: before.id,
        limits: changedLimits(before.limits, options, unset),
        ...(name !== undefined && { name }),
        ...(team !== undefined && { team }),
        ...(unset.has('team') && { team: null }),
      }
      return changeProject(directory, change, context)
    })
    if (json) printJson(io, { ok: true, project })
    else if (quiet !== true)
      io.out(`${project.name}: ${sayLimits(project.limits)}; a running gateway goes by it within a second`)
    return exitCodes.ok
  })
}

export function teamCreate(name: string, options: CommonOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    const { team } = await changeDirectory(books, io, (directory, context) =>
      createTeam(directory, { name }, context),
    )
    return sayMade('team', team, options, io)
  })
}

export interface UserOptions extends CommonOptions {
  readonly team?: string
  readonly email?: string
  readonly role?: Role
  readonly service?: boolean
}

export function userCreate(name: string, options: UserOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    const { team, email, role, service } = options
    const asked = {
      name,
      ...(team !== undefined && { team }),
      ...(email !== undefined && { email }),
      ...(role !== undefined && { role }),
      ...(service === true && { isService: true }),
    }
    const { user } = await changeDirectory(books, io, (directory, context) =>
      createUser(directory, asked, context),
    )
    return sayMade('user', user, options, io)
  })
}

interface Made {
  readonly id: string
  readonly name: string
}

function sayMade(kind: string, made: Made, { json, quiet }: CommonOptions, io: CliIo): ExitCode {
  if (json) printJson(io, { ok: true, [kind]: made })
  else io.out(quiet === true ? made.id : `the ${kind} ${made.name} is made (${made.id})`)
  return exitCodes.ok
}

export type PeopleKind = 'project' | 'team' | 'user'

export interface PeopleListOptions extends CommonOptions {
  /** Of projects alone. */
  readonly csv?: boolean
}

export function peopleList(kind: PeopleKind, options: PeopleListOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async ({ store }) => {
    const directory = await store.loadDirectory()
    const names = namesOf(directory)
    const lists = {
      project: directory.projects.filter(({ archivedAtMs }) => archivedAtMs === undefined),
      team: directory.teams.filter(({ archivedAtMs }) => archivedAtMs === undefined),
      user: directory.users.filter(({ disabledAtMs }) => disabledAtMs === undefined),
    } as const
    const records = lists[kind]
    if (options.json) {
      printJson(io, { [`${kind}s`]: records })
      return exitCodes.ok
    }
    if (options.csv === true) {
      printCsv(projectTable, { rows: lists.project.map(sayProject), directory, io })
      return exitCodes.ok
    }
    if (records.length === 0) {
      if (options.quiet !== true) io.err(`no ${kind}s; holdfast ${kind} create NAME makes one`)
      return exitCodes.ok
    }
    const columns = ['NAME', 'TEAM', ...(kind === 'user' ? ['ROLE'] : []), 'MADE', 'ID'].map((title) => ({
      title,
    }))
    const rows = records.map((record) => [
      record.name,
      ('teamId' in record && record.teamId !== undefined ? names.get(record.teamId) : undefined) ?? '-',
      ...('role' in record ? [record.role] : []),
      sayMoment(record.createdAtMs),
      record.id,
    ])
    const [head = '', ...lines] = tableLines(columns, rows)
    io.out([io.style('dim', head), ...lines].join('\n'))
    return exitCodes.ok
  })
}
