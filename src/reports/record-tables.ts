/** Keys, projects and budgets as tables: what is said of each, flat, with the names of what its ids stand for. */

import type { CsvCell } from './csv.ts'
import { LIMIT_NAMES, type sayBudget } from './say-records.ts'

export interface RecordTable<Row> {
  readonly columns: readonly string[]
  /** Of what the table tells the names. */
  readonly ids: (row: Row) => readonly string[]
  /** One for each column; absent cells are empty. Ids without a name have an empty one. */
  readonly cells: (row: Row, names: ReadonlyMap<string, string>) => readonly CsvCell[]
}

type SaidLimits = { readonly [Name in (typeof LIMIT_NAMES)[number]]?: number | undefined }

export interface SaidKey {
  readonly id: string
  readonly kind: string
  readonly name: string
  readonly hint: string
  readonly state: string
  readonly project_id: string | null
  readonly user_id: string | null
  readonly role: string | null
  readonly scopes: {
    readonly routes?: readonly string[] | undefined
    readonly models?: readonly string[] | undefined
    readonly operations?: readonly string[] | undefined
  }
  readonly limits: SaidLimits
  readonly keep_bodies: boolean | null
  readonly created_at: string
  readonly expires_at: string | null
  readonly revoked_at: string | null
  readonly replaced_by: string | null
}

export const keyTable: RecordTable<SaidKey> = {
  columns: [
    'id',
    'kind',
    'name',
    'hint',
    'state',
    'project_id',
    'project_name',
    'user_id',
    'user_name',
    'role',
    'routes',
    'models',
    'operations',
    ...LIMIT_NAMES,
    'keep_bodies',
    'created_at',
    'expires_at',
    'revoked_at',
    'replaced_by',
  ],
  ids: (key) => present(key.project_id, key.user_id),
  cells: (key, names) => [
    key.id,
    key.kind,
    key.name,
    key.hint,
    key.state,
    key.project_id,
    names.get(key.project_id ?? ''),
    key.user_id,
    names.get(key.user_id ?? ''),
    key.role,
    listCell(key.scopes.routes),
    listCell(key.scopes.models),
    listCell(key.scopes.operations),
    ...LIMIT_NAMES.map((name) => key.limits[name]),
    key.keep_bodies,
    key.created_at,
    key.expires_at,
    key.revoked_at,
    key.replaced_by,
  ],
}

interface SaidProject {
  readonly id: string
  readonly name: string
  readonly team_id: string | null
  readonly limits: SaidLimits
  readonly created_at: string
  readonly archived_at: string | null
}

export const projectTable: RecordTable<SaidProject> = {
  columns: ['id', 'name', 'team_id', 'team_name', ...LIMIT_NAMES, 'created_at', 'archived_at'],
  ids: (project) => present(project.team_id),
  cells: (project, names) => [
    project.id,
    project.name,
    project.team_id,
    names.get(project.team_id ?? ''),
    ...LIMIT_NAMES.map((name) => project.limits[name]),
    project.created_at,
    project.archived_at,
  ],
}

type SaidBudget = Omit<ReturnType<typeof sayBudget>, 'id' | 'scope'> & {
  readonly id: string
  readonly scope: { readonly kind: string; readonly id?: string | undefined }
}

export const budgetTable: RecordTable<SaidBudget> = {
  columns: [
    'id',
    'name',
    'scope_kind',
    'scope_id',
    'scope_name',
    'period',
    'limit_usd',
    'limit_nano_usd',
    'owner',
    'period_start',
    'resets_at',
    'spent_usd',
    'spent_nano_usd',
    'leased_usd',
    'leased_nano_usd',
    'left_usd',
    'left_nano_usd',
    'created_at',
    'removed_at',
  ],
  ids: ({ scope }) => (isOfRecord(scope) ? present(scope.id) : []),
  cells: ({ scope, standing, ...budget }, names) => [
    budget.id,
    budget.name,
    scope.kind,
    scope.id,
    isOfRecord(scope) ? names.get(scope.id ?? '') : undefined,
    budget.period,
    budget.limit_usd,
    budget.limit_nano_usd,
    budget.owner,
    standing.period_start,
    standing.resets_at,
    standing.spent_usd,
    standing.spent_nano_usd,
    standing.leased_usd,
    standing.leased_nano_usd,
    standing.left_usd,
    standing.left_nano_usd,
    budget.created_at,
    budget.removed_at,
  ],
}

/** A tag may be called as an id is, and is none. */
function isOfRecord({ kind }: SaidBudget['scope']): boolean {
  return ['key', 'project', 'team', 'user'].includes(kind)
}

/** As JSON, which tells a key that may ask for nothing from one that may ask for everything. */
function listCell(names: readonly string[] | undefined): string | undefined {
  return names === undefined ? undefined : JSON.stringify(names)
}

function present(...ids: readonly (string | null | undefined)[]): readonly string[] {
  return ids.flatMap((id) => (typeof id === 'string' && id !== '' ? [id] : []))
}
