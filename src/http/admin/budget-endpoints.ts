/** Budgets over the admin API, each with how it stands now. */

import { type Budget, BUDGET_NANO_USD_MAX, type BudgetId, type BudgetScope } from '../../ledger/budget.ts'
import { changeBudget } from '../../ledger/change-budget.ts'
import { periodStart } from '../../ledger/period.ts'
import type { NanoUsd } from '../../ledger/prices.ts'
import { readScopeName, scopeName } from '../../ledger/said-names.ts'
import { readUsd } from '../../ledger/usd.ts'
import { budgetTable } from '../../reports/record-tables.ts'
import { sayBudget } from '../../reports/say-records.ts'
import type { AuditNote } from '../../std/audit.ts'
import type { JsonObject } from '../../std/json.ts'
import { type AdminCall, endpoint } from './endpoint.ts'
import { byId } from './grants.ts'
import { mapInSlices } from './in-slices.ts'
import { pageRecords } from './page-records.ts'
import { AdminProblem, invalid, notFound } from './problem.ts'
import { recordCsv } from './record-csv.ts'
import {
  idSchema,
  moneyFields,
  named,
  nanoUsdSchema,
  nameSchema,
  pageOf,
  tableQuery,
  tableRowsMax,
  timeSchema,
  usdSchema,
  withoutAbsent,
  z,
} from './schemas.ts'

const SCOPE_KINDS = ['key', 'project', 'team', 'user', 'tag', 'end-user', 'model', 'all'] as const
const periodSchema = z.enum(['day', 'week', 'month', 'total'])
const scopeSchema = z.strictObject({
  kind: z.enum(SCOPE_KINDS),
  id: z.string().max(256).default('').meta({
    description:
      'Of a key of the file its name; of a tag, an end user or a model itself. Tags and end users are kept as requests keep them, other letters than ASCII percent-encoded.',
  }),
})

const budgetSchema = named(
  'Budget',
  z.object({
    id: idSchema,
    name: z.string(),
    scope: scopeSchema,
    period: periodSchema,
    ...moneyFields('limit'),
    owner: z.string().nullable(),
    created_at: timeSchema,
    removed_at: timeSchema.nullable(),
    standing: z
      .object({
        period_start: timeSchema.nullable(),
        resets_at: timeSchema.nullable(),
        ...moneyFields('spent'),
        ...moneyFields('leased'),
        ...moneyFields('left'),
      })
      .meta({
        description:
          'In the period that runs: posted, taken out by gateways for requests and not yet spent, and what is left beside both.',
      }),
  }),
)

const limitFields = {
  limit_usd: usdSchema.max(32).optional(),
  limit_nano_usd: nanoUsdSchema.min(0).max(BUDGET_NANO_USD_MAX).optional(),
}
const ownerSchema = z.string().min(1).max(256)

export const budgetEndpoints = [
  endpoint({
    route: 'GET /api/v1/budgets',
    summary: 'The budgets with their standing, the newest first.',
    query: z.strictObject({
      ...tableQuery,
      scope: z.enum(SCOPE_KINDS).optional(),
      scope_id: z.string().max(256).optional(),
      removed: z.enum(['true', 'false']).default('false'),
    }),
    answer: pageOf(budgetSchema),
    csv: recordCsv(budgetTable),
    async handle(call) {
      const { query, sight, rooms, isCsv } = call
      const asked = (await rooms.store.loadBudgets()).filter(
        ({ scope, removedAtMs }) =>
          sight.budget(scope) &&
          (query.removed === 'true' || removedAtMs === undefined) &&
          (query.scope === undefined || scope.kind === query.scope) &&
          (query.scope_id === undefined || isFor(scope, query.scope_id)),
      )
      const { rows, next } = pageRecords(asked, { ...query, limit: tableRowsMax(query, isCsv) })
      return { data: await sayBudgets(rows, call), next }
    },
  }),
  endpoint({
    route: 'POST /api/v1/budgets',
    summary: 'Sets a budget: in force at once.',
    body: z.strictObject({
      name: nameSchema,
      scope: scopeSchema,
      period: periodSchema,
      ...limitFields,
      owner: ownerSchema.optional(),
    }),
    status: 201,
    answer: budgetSchema,
    async handle(call) {
      const { body, rooms } = call
      const limitNanoUsd = readLimit(body)
      if (limitNanoUsd === undefined) throw invalid('limit_usd', 'A budget needs a limit.')
      const budget: Budget = {
        // Sound: this is where ids of budgets are made for the admin API.
        id: rooms.ids.next('bud_') as BudgetId,
        name: body.name,
        scope: readScope(body.scope, call),
        period: body.period,
        limitNanoUsd,
        ...(body.owner !== undefined && { owner: body.owner }),
        createdAtMs: rooms.clock.wallMs(),
      }
      await rooms.store.putBudget(budget, [noteOf(call, { action: 'put-budget', budget })])
      await takeOver(budget, call)
      return await sayOne(budget, call)
    },
  }),
  endpoint({
    route: 'GET /api/v1/budgets/{id}',
    summary: 'One budget with its standing.',
    answer: budgetSchema,
    async handle(call) {
      return await sayOne(inSight(await call.rooms.store.loadBudgets(), call), call)
    },
  }),
  endpoint({
    route: 'PATCH /api/v1/budgets/{id}',
    summary: 'Changes the limit, the owner or the name of a budget; what was spent stays spent.',
    body: z.strictObject({
      name: nameSchema.optional(),
      ...limitFields,
      owner: ownerSchema.nullable().optional(),
    }),
    answer: budgetSchema,
    async handle(call) {
      const { name, owner } = call.body
      const limitNanoUsd = readLimit(call.body)
      const budget = await editBudget(call, 'put-budget', (before) => {
        if (before.removedAtMs !== undefined) throw new AdminProblem('conflict', 'This budget was removed.')
        const { owner: _owner, ...rest } = before
        const newOwner = owner === undefined ? before.owner : owner
        return {
          ...rest,
          ...(limitNanoUsd !== undefined && { limitNanoUsd }),
          ...(name !== undefined && { name }),
          ...(typeof newOwner === 'string' && { owner: newOwner }),
        }
      })
      return await sayOne(budget, call)
    },
  }),
  endpoint({
    route: 'DELETE /api/v1/budgets/{id}',
    summary: 'Removes a budget: it bounds nothing any more. The record and what was spent stay.',
    answer: budgetSchema,
    async handle(call) {
      const budget = await editBudget(call, 'remove-budget', (before) =>
        before.removedAtMs === undefined ? { ...before, removedAtMs: call.rooms.clock.wallMs() } : before,
      )
      return await sayOne(budget, call)
    },
  }),
]

/** In whatever spelling the one or the other has the name. */
function isFor(scope: BudgetScope, id: string): boolean {
  return scope.kind === 'all' ? id === '' : scopeName(scope) === scopeName({ ...scope, id })
}

/** `undefined` where none is named. */
function readLimit(body: {
  readonly limit_usd?: string | undefined
  readonly limit_nano_usd?: number | undefined
}) {
  const { limit_usd: usd, limit_nano_usd: nanoUsd } = body
  if (usd !== undefined && nanoUsd !== undefined)
    throw invalid('limit_usd', 'Name limit_usd or limit_nano_usd, not both.')
  // Sound: the schema lets whole numbers within the bound through.
  if (nanoUsd !== undefined) return nanoUsd as NanoUsd
  if (usd === undefined) return undefined
  const read = readUsd(usd)
  if (read !== undefined) return read
  throw invalid(
    'limit_usd',
    'This is no amount of dollars: write 12.50, at most 1000000, with at most nine decimals.',
  )
}

function readScope({ kind, id }: z.output<typeof scopeSchema>, { directory, rooms }: AdminCall): BudgetScope {
  if (kind === 'all') {
    if (id !== '') throw invalid('scope.id', 'A budget for all names nothing.')
    return { kind, id: '' }
  }
  if (id === '') throw invalid('scope.id', `Say which ${kind}.`)
  switch (kind) {
    case 'key':
      // A key of the file has no id but its name.
      if (!rooms.namesOfFile().includes(id)) byId('scope.id', id, directory.keys)
      break
    case 'project':
      byId('scope.id', id, directory.projects)
      break
    case 'team':
      byId('scope.id', id, directory.teams)
      break
    case 'user':
      byId('scope.id', id, directory.users)
      break
    case 'tag':
    case 'end-user': {
      const { name, fault } = readScopeName(kind, id)
      if (name === undefined) throw invalid('scope.id', `No budget can be for this: ${fault}.`)
      return { kind, id: name }
    }
    case 'model':
      break
  }
  return { kind, id }
}

interface BudgetStep {
  readonly action: string
  readonly before?: Budget
  readonly budget: Budget
}

/** `decide` is called again where any budget was changed meanwhile; what it gives back as it was stays so. */
async function editBudget(
  call: AdminCall,
  action: string,
  decide: (before: Budget) => Budget,
): Promise<Budget> {
  const edited = await changeBudget(call.rooms.store, (budgets) => {
    const before = inSight(budgets, call)
    const budget = decide(before)
    return { budget, ...(budget !== before && { note: noteOf(call, { action, before, budget }) }) }
  })
  await takeOver(edited, call)
  return edited
}

function noteOf({ rooms, caller }: AdminCall, { action, before, budget }: BudgetStep): AuditNote {
  return {
    atMs: rooms.clock.wallMs(),
    actor: caller.actor,
    action,
    subject: budget.id,
    ...(before !== undefined && { before: asJson(before) }),
    after: asJson(budget),
  }
}

/** What was stored is in force here, before the answer is given. */
async function takeOver(budget: Budget, { rooms }: AdminCall): Promise<void> {
  if (await rooms.budgets.look()) return
  throw new AdminProblem(
    'store_unavailable',
    `The budget ${budget.id} is stored, and the store could not be read afterwards: it is in force here as soon as that answers again.`,
  )
}

function asJson({ scope, ...budget }: Budget): JsonObject {
  return { ...withoutAbsent(budget), scope: { ...scope } }
}

function inSight(budgets: readonly Budget[], { sight, id }: AdminCall): Budget {
  const budget = budgets.find((other) => other.id === id)
  if (budget === undefined || !sight.budget(budget.scope)) throw notFound('budget')
  return budget
}

async function sayOne(budget: Budget, call: AdminCall): Promise<z.input<typeof budgetSchema>> {
  const [said] = await sayBudgets([budget], call)
  if (said === undefined) throw notFound('budget')
  return said
}

async function sayBudgets(
  budgets: readonly Budget[],
  { rooms }: AdminCall,
): Promise<z.input<typeof budgetSchema>[]> {
  const nowMs = rooms.clock.wallMs()
  const charges = budgets.map(({ id, period }) => ({
    budgetId: id,
    periodStartMs: periodStart(period, nowMs),
  }))
  const found = budgets.length === 0 ? [] : await rooms.store.standings(charges)
  const standings = new Map(found.map((standing) => [standing.budgetId, standing]))
  return [
    ...(await mapInSlices(budgets, (budget) =>
      sayBudget(budget, { standing: standings.get(budget.id), nowMs }),
    )),
  ]
}
