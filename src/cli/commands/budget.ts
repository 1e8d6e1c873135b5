/** `holdfast budget`: sets, lists, changes and removes budgets. What was spent stays spent. */

import { namesOfFile } from '../../app/config/config.ts'
import { findProject, findTeam, findUser } from '../../keys/directory-edit.ts'
import { findKey } from '../../keys/key-changes.ts'
import type { Directory } from '../../keys/records.ts'
import type { Budget, BudgetId, BudgetScope } from '../../ledger/budget.ts'
import { changeBudget } from '../../ledger/change-budget.ts'
import { formatUsd } from '../../ledger/usd.ts'
import type { BudgetStanding } from '../../ledger/ledger-store.ts'
import { periodEnd, periodStart } from '../../ledger/period.ts'
import type { NanoUsd } from '../../ledger/prices.ts'
import { readScopeName } from '../../ledger/said-names.ts'
import { budgetTable } from '../../reports/record-tables.ts'
import { sayBudget } from '../../reports/say-records.ts'
import type { AuditNote } from '../../std/audit.ts'
import { systemIds } from '../../std/ids.ts'
import { nearest } from '../../std/nearest.ts'
import type { OpenedBooks } from '../books.ts'
import { namesOf, wallMs } from '../change-books.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { withBooks } from '../open-books.ts'
import { printCsv } from '../print-csv.ts'
import { readMoney, readPeriod, shown } from '../read-values.ts'
import { CommandRefusal } from '../refusal.ts'
import { printable, sayMoment, tableLines } from '../table.ts'
import { sayLimit } from './key.ts'

export interface BudgetCreateOptions extends CommonOptions {
  readonly for: string
  readonly limit: string
  readonly per: string
  readonly name?: string
  readonly owner?: string
}

export function budgetCreate(options: BudgetCreateOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    const directory = await books.store.loadDirectory()
    const scope = readScope(options.for, { directory, books, io })
    const budget: Budget = {
      // Sound: this is where ids of budgets are made for the command line.
      id: systemIds.next('bud_') as BudgetId,
      name: checkName(options.name ?? options.for),
      scope,
      period: readPeriod(options.per),
      limitNanoUsd: readMoney(options.limit),
      ...(options.owner !== undefined && { owner: checkName(options.owner) }),
      createdAtMs: wallMs(io),
    }
    const before = alike(budget, await books.store.loadBudgets())
    await books.store.putBudget(budget, [noteOf({ action: 'put-budget', budget, io })])
    if (before !== undefined)
      io.err(
        `${io.style('yellow', 'warning:')} ${before.id} bounds the same already, at ${sayLimit(before)}, and both hold: holdfast budget set ${before.id} --limit changes a limit, and holdfast budget remove takes one away`,
      )
    if (options.json) printJson(io, { ok: true, budget: describe(budget) })
    else if (options.quiet === true) io.out(budget.id)
    else io.out(`${budget.name}: ${sayLimit(budget)} (${budget.id})`)
    return exitCodes.ok
  })
}

/** Another that bounds the same spending by the same period: a change of the limit was meant, most likely. */
function alike({ scope, period }: Budget, budgets: readonly Budget[]): Budget | undefined {
  return budgets.find(
    (other) =>
      other.removedAtMs === undefined &&
      other.period === period &&
      other.scope.kind === scope.kind &&
      other.scope.id === scope.id,
  )
}

export function budgetList(
  options: CommonOptions & { readonly all?: boolean; readonly csv?: boolean },
  io: CliIo,
): Promise<ExitCode> {
  return withBooks(options, io, async ({ store }) => {
    const budgets = (await store.loadBudgets()).filter(
      ({ removedAtMs }) => options.all === true || removedAtMs === undefined,
    )
    const nowMs = wallMs(io)
    const standings = await store.standings(
      budgets.map(({ id, period }) => ({ budgetId: id, periodStartMs: periodStart(period, nowMs) })),
    )
    const rows = budgets.map((budget, at) => ({ budget, standing: standings[at] }))
    if (options.json)
      printJson(io, { budgets: rows.map(({ budget, standing }) => describe(budget, standing)) })
    else if (options.csv === true)
      printCsv(budgetTable, {
        rows: rows.map(({ budget, standing }) => sayBudget(budget, { standing, nowMs })),
        directory: await store.loadDirectory(),
        io,
      })
    else printBudgets(rows, await store.loadDirectory(), io)
    if (rows.length === 0 && !options.json && options.quiet !== true)
      io.err('no budgets; holdfast budget create --for key:laptop --limit 5 --per day makes one')
    return exitCodes.ok
  })
}

export interface BudgetSetOptions extends CommonOptions {
  readonly limit?: string
  readonly owner?: string
}

export function budgetSet(asked: string, options: BudgetSetOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    if (options.limit === undefined && options.owner === undefined)
      throw new CommandRefusal('say what to set: --limit or --owner')
    const fields = {
      ...(options.limit !== undefined && { limitNanoUsd: readMoney(options.limit) }),
      ...(options.owner !== undefined && { owner: checkName(options.owner) }),
    }
    const budget = await changeBudget(books.store, (budgets) => {
      const before = findBudget(budgets, asked)
      const budget: Budget = { ...before, ...fields }
      return { budget, note: noteOf({ action: 'put-budget', before, budget, io }) }
    })
    if (options.json) printJson(io, { ok: true, budget: describe(budget) })
    else if (options.quiet !== true) io.out(`${budget.name}: ${sayLimit(budget)}`)
    return exitCodes.ok
  })
}

export function budgetRemove(asked: string, options: CommonOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    const budget = await changeBudget(books.store, (budgets) => {
      const before = findBudget(budgets, asked)
      const budget: Budget = { ...before, removedAtMs: wallMs(io) }
      return { budget, note: noteOf({ action: 'remove-budget', before, budget, io }) }
    })
    if (options.json) printJson(io, { ok: true, budget: describe(budget) })
    else if (options.quiet !== true) io.out(`${budget.name} bounds nothing any more; what was spent is kept`)
    return exitCodes.ok
  })
}

interface Around {
  readonly directory: Directory
  readonly books: OpenedBooks
  readonly io: CliIo
}

/** `key:laptop`, `tag:team:red`, `all`. */
function readScope(text: string, { directory, books, io }: Around): BudgetScope {
  if (text === 'all') return { kind: 'all', id: '' }
  const colon = text.indexOf(':')
  const kind = text.slice(0, Math.max(0, colon))
  const id = text.slice(colon + 1)
  if (colon === -1 || id === '' || id.length > 256 || printable(id) !== id)
    throw new CommandRefusal(
      `--for ${shown(text)}: write key:laptop, project:, team:, user:, tag:, end-user:, model:, or all`,
    )
  switch (kind) {
    case 'key':
      // A key of the file has no id but its name.
      if (namesOfFile(books.config).includes(id)) return { kind, id }
      return { kind, id: findKey(directory, id, { nowMs: wallMs(io), actor: 'cli', ids: systemIds }).id }
    case 'project':
      return { kind, id: findProject(directory, id).id }
    case 'team':
      return { kind, id: findTeam(directory, id).id }
    case 'user':
      return { kind, id: findUser(directory, id).id }
    case 'tag':
    case 'end-user': {
      const { name, fault } = readScopeName(kind, id)
      if (name === undefined) throw new CommandRefusal(`--for ${shown(text)}: ${fault}`)
      return { kind, id: name }
    }
    case 'model':
      return { kind, id }
    default:
      throw new CommandRefusal(
        `--for ${shown(text)}: a budget is for a key, project, team, user, tag, end-user, model, or all`,
      )
  }
}

function checkName(name: string): string {
  const trimmed = name.trim()
  if (trimmed !== '' && trimmed.length <= 256 && printable(trimmed) === trimmed) return trimmed
  throw new CommandRefusal(`${shown(name)} is no name: use up to 256 characters`)
}

/** By id, or by a name that only one in force has. */
function findBudget(budgets: readonly Budget[], asked: string): Budget {
  const inForce = budgets.filter(({ removedAtMs }) => removedAtMs === undefined)
  const found = inForce.filter(({ id, name }) => id === asked || name === asked)
  const [one] = found
  if (one !== undefined && found.length === 1) return one
  if (found.length > 1)
    throw new CommandRefusal(
      `${found.length} budgets are called ${shown(asked)}: say the id (${found.map(({ id }) => id).join(', ')})`,
    )
  const hint = nearest(
    asked,
    inForce.map(({ name }) => name),
  )
  throw new CommandRefusal(
    `there is no budget ${shown(asked)}${hint === undefined ? '' : `; did you mean ${shown(hint)}?`}`,
  )
}

interface Putting {
  readonly action: string
  readonly before?: Budget
  readonly budget: Budget
  readonly io: CliIo
}

function noteOf({ action, before, budget, io }: Putting): AuditNote {
  return {
    atMs: wallMs(io),
    actor: 'cli',
    action,
    subject: budget.id,
    ...(before !== undefined && { before: noted(before) }),
    after: noted(budget),
  }
}

function noted({ name, scope, period, limitNanoUsd, owner, removedAtMs }: Budget) {
  return {
    name,
    scope: `${scope.kind}:${scope.id}`,
    period,
    limitNanoUsd: Number(limitNanoUsd),
    ...(owner !== undefined && { owner }),
    ...(removedAtMs !== undefined && { removedAtMs }),
  }
}

function describe(budget: Budget, standing?: BudgetStanding) {
  const { id, name, scope, period, limitNanoUsd, owner = null, removedAtMs } = budget
  return {
    id,
    name,
    scope: scope.kind === 'all' ? 'all' : `${scope.kind}:${scope.id}`,
    period,
    limit_usd: formatUsd(limitNanoUsd),
    limit_nano_usd: limitNanoUsd,
    owner,
    removed_at: removedAtMs === undefined ? null : new Date(removedAtMs).toISOString(),
    ...(standing !== undefined && {
      spent_usd: formatUsd(standing.spentNanoUsd),
      spent_nano_usd: standing.spentNanoUsd,
      leased_nano_usd: standing.leasedNanoUsd,
      resets_at: isoOf(periodEnd(period, standing.periodStartMs)),
    }),
  }
}

function isoOf(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString()
}

interface BudgetRow {
  readonly budget: Budget
  readonly standing: BudgetStanding | undefined
}

function printBudgets(rows: readonly BudgetRow[], directory: Directory, io: CliIo): void {
  if (rows.length === 0) return
  const names = namesOf(directory)
  const columns = [
    { title: 'NAME' },
    { title: 'FOR' },
    { title: 'LIMIT', isNumber: true },
    { title: 'PER' },
    { title: 'SPENT', isNumber: true },
    { title: 'LEFT', isNumber: true },
    { title: 'RESETS' },
    { title: 'ID' },
  ]
  const lines = rows.map(({ budget, standing }) => {
    const { scope, period, limitNanoUsd } = budget
    const spent = standing?.spentNanoUsd
    // Sound: a difference of whole numbers of nano-dollars.
    const left = Math.max(0, limitNanoUsd - (spent ?? 0)) as NanoUsd
    const resetsAtMs = standing === undefined ? undefined : periodEnd(period, standing.periodStartMs)
    return [
      `${budget.name}${budget.removedAtMs === undefined ? '' : ' (removed)'}`,
      scope.kind === 'all' ? 'all' : `${scope.kind}:${names.get(scope.id) ?? scope.id}`,
      formatUsd(limitNanoUsd),
      period,
      formatUsd(spent),
      formatUsd(left),
      resetsAtMs === undefined ? 'never' : sayMoment(resetsAtMs),
      budget.id,
    ]
  })
  const [head = '', ...rest] = tableLines(columns, lines)
  io.out([io.style('dim', head), ...rest].join('\n'))
}
