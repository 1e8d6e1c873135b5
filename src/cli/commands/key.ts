/** `holdfast key`: makes, lists, revokes and rotates client keys (`key-set.ts` changes them). A key is shown once, by the command that makes it. */

import { namesOfFile } from '../../app/config/config.ts'
import { createKey, isInForce, type KeyEdit, revokeKey, rotateKey } from '../../keys/key-changes.ts'
import { mayUse } from '../../keys/scopes.ts'
import type { Directory, KeyRecord, KeyScopes, Role } from '../../keys/records.ts'
import type { Operation } from '../../canonical/envelope.ts'
import type { Budget, BudgetId } from '../../ledger/budget.ts'
import { formatUsd } from '../../ledger/usd.ts'
import { keyTable, type SaidKey } from '../../reports/record-tables.ts'
import { sayLimits } from '../../reports/say-records.ts'
import { systemIds } from '../../std/ids.ts'
import { StoreConflict } from '../../std/store-error.ts'
import { exampleModel } from '../banner.ts'
import type { OpenedBooks } from '../books.ts'
import { changeDirectory, namesOf, stateOf, wallMs } from '../change-books.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { clientUrl, gatewayUrl, urlRemark } from '../gateway-url.ts'
import { type CliIo, type CommonOptions, printJson } from '../io.ts'
import { withBooks } from '../open-books.ts'
import { printCsv } from '../print-csv.ts'
import { type LimitOptions, readLimits } from '../read-limits.ts'
import { readAllowance, readLength, readNames } from '../read-values.ts'
import { CommandRefusal } from '../refusal.ts'
import { looksLikeKey } from '../secret-input.ts'
import { sayMoment, tableLines } from '../table.ts'
import { count } from '../words.ts'

export interface ScopeOptions {
  readonly models?: string
  readonly routes?: string
  readonly operations?: string
}

export interface KeyCreateOptions extends CommonOptions, LimitOptions, ScopeOptions {
  readonly project?: string
  readonly user?: string
  readonly budget?: string
  readonly expires?: string
  readonly keepBodies?: boolean
  readonly admin?: boolean
  readonly role?: Role
}

export function keyCreate(name: string, options: KeyCreateOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    const allowance = options.budget === undefined ? undefined : readAllowance(options.budget)
    const limits = readLimits(options)
    const asked = {
      name: named(name),
      kind: options.admin === true ? ('admin' as const) : ('data' as const),
      ...(options.project !== undefined && { project: options.project }),
      ...(options.user !== undefined && { user: options.user }),
      ...roleOf(options),
      ...(Object.keys(limits).length > 0 && { limits }),
      scopes: scopesOf(options),
      ...(options.keepBodies !== undefined && { keepBodies: options.keepBodies }),
      ...(options.expires !== undefined && { expiresAtMs: wallMs(io) + readLength(options.expires) }),
    }
    const { edit, budget } =
      allowance === undefined
        ? {
            edit: await changeDirectory(books, io, (directory, context) =>
              createKey(directory, asked, context),
            ),
          }
        : await createWithBudget(books, io, { asked, allowance })
    showNewKey(edit, { books, options, io, ...(budget !== undefined && { budget }) })
    return exitCodes.ok
  })
}

interface WithBudget {
  readonly asked: Parameters<typeof createKey>[1]
  readonly allowance: ReturnType<typeof readAllowance>
}

/** The budget is there before the key is: there is no moment in which the key may spend without it. */
async function createWithBudget(books: OpenedBooks, io: CliIo, { asked, allowance }: WithBudget) {
  const { store } = books
  let budget: Budget | undefined
  const withdraw = async () => {
    if (budget === undefined) return
    const removed: Budget = { ...budget, removedAtMs: wallMs(io) }
    await store.putBudget(removed, [noteOf('remove-budget', removed, io)])
  }
  const directory = await store.loadDirectory()
  const edit = createKey(directory, asked, {
    nowMs: wallMs(io),
    actor: 'cli',
    ids: systemIds,
    peppers: books.peppers,
    namesOfFile: namesOfFile(books.config),
  })
  budget = {
    // Sound: this is where ids of budgets are made for the command line.
    id: systemIds.next('bud_') as BudgetId,
    name: edit.key.name,
    scope: { kind: 'key', id: edit.key.id },
    ...allowance,
    createdAtMs: wallMs(io),
  }
  await store.putBudget(budget, [noteOf('put-budget', budget, io)])
  try {
    await store.changeDirectory(edit.changes, edit.notes, directory.revision)
  } catch (error) {
    await withdraw()
    if (error instanceof StoreConflict)
      throw new CommandRefusal(
        'somebody else changed the keys at the same moment: nothing was made; say it again',
      )
    throw error
  }
  return { edit, budget }
}

function noteOf(action: string, { id, name, scope, period, limitNanoUsd }: Budget, io: CliIo) {
  const after = { name, scope: `${scope.kind}:${scope.id}`, period, limitNanoUsd }
  return { atMs: wallMs(io), actor: 'cli', action, subject: id, after }
}

function named(name: string): string {
  if (!looksLikeKey(name)) return name
  throw new CommandRefusal(
    'a key is made by its name, and never given as an argument: choose a name, such as laptop',
  )
}

function roleOf({ admin, role, user }: KeyCreateOptions): { readonly role?: Role } {
  if (role !== undefined && admin !== true) throw new CommandRefusal('--role is for admin keys: add --admin')
  if (role !== undefined) return { role }
  return admin === true && user === undefined ? { role: 'viewer' } : {}
}

export function scopesOf({ models, routes, operations }: ScopeOptions): KeyScopes {
  return {
    ...(models !== undefined && { models: readScope(models, 'models') }),
    ...(routes !== undefined && { routes: readScope(routes, 'routes') }),
    // Sound: createKey and changeKey refuse what is no operation.
    ...(operations !== undefined && {
      operations: readScope(operations, 'operations') as readonly Operation[],
    }),
  }
}

/** A variable that is not set makes an empty one, and a key that may ask for nothing is wanted by nobody. */
function readScope(text: string, flag: 'models' | 'routes' | 'operations'): readonly string[] {
  const names = readNames(text)
  if (names.length > 0) return names
  throw new CommandRefusal(`--${flag} names none: name some with commas, or leave it out where all are meant`)
}

interface Showing {
  readonly books: OpenedBooks
  readonly options: CommonOptions
  readonly io: CliIo
  readonly budget?: Budget
}

function showNewKey({ key, secret }: KeyEdit, { books, options, io, budget }: Showing): void {
  const url = clientUrl(books.config)
  if (options.json) {
    printJson(io, {
      ok: true,
      ...describeKey(key, wallMs(io)),
      key: secret.reveal(),
      url,
      ...(budget !== undefined && {
        budget: { id: budget.id, limit_usd: formatUsd(budget.limitNanoUsd), period: budget.period },
      }),
    })
    return
  }
  io.out(secret.reveal())
  if (options.quiet === true) return
  const may = budget === undefined ? '' : `, ${sayLimit(budget)}`
  io.err(
    `${io.style('green', `the key ${key.name} is made`)}${may}. It is shown this once: keep it somewhere safe.`,
  )
  if (key.kind === 'admin') {
    const { admin } = books.config
    io.err(
      `It is for the admin API${admin === undefined ? '' : ` at ${gatewayUrl(admin)}/api/v1`}, and asks no models.`,
    )
    return
  }
  const remark = urlRemark(books.config)
  if (remark !== undefined) io.err(remark)
  const model = modelFor(key, books.config)
  if (model === undefined) return
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Say hello' }] })
  io.err('Try it:')
  io.err(
    `  curl ${url}/v1/chat/completions -H "authorization: Bearer ${secret.reveal()}" -H "content-type: application/json" -d '${body.replaceAll("'", "'\\''")}'`,
  )
}

/** What a first chat may ask for; `undefined` where the key allows none, or nothing that can be named. */
function modelFor({ scopes }: KeyRecord, config: OpenedBooks['config']): string | undefined {
  const { models, routes, operations } = scopes
  if (operations !== undefined && !operations.includes('chat')) return undefined
  const example = exampleModel(config) ?? 'simulator/mock'
  const named = [...(routes ?? []), ...(models ?? [])].find((name) => !name.endsWith('*'))
  if (named !== undefined || (models === undefined && routes === undefined)) return named ?? example
  const listed = config.providers.flatMap(({ provider, models: served = [] }) =>
    [...served, provider.exampleModel ?? []].flat().map((name) => `${provider.id}/${name}`),
  )
  const uses = [
    ...config.routes.map(({ name }) => ({ route: name, modelId: name })),
    ...[...listed, 'simulator/mock'].map((modelId) => ({ modelId })),
  ]
  return uses.find((use) => mayUse({ scopes }, { ...use, operation: 'chat' }))?.modelId
}

export function sayLimit({ limitNanoUsd, period }: Pick<Budget, 'limitNanoUsd' | 'period'>): string {
  return `${formatUsd(limitNanoUsd)} dollars ${period === 'total' ? 'in all' : `a ${period}`}`
}

export interface KeyListOptions extends CommonOptions {
  readonly all?: boolean
  readonly csv?: boolean
}

export function keyList(options: KeyListOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async ({ store, config }) => {
    const directory = await store.loadDirectory()
    const nowMs = wallMs(io)
    const keys = directory.keys.filter(
      (key) => options.all === true || !['revoked', 'expired'].includes(stateOf(key, nowMs)),
    )
    if (options.json) {
      printJson(io, {
        keys: keys.map((key) => describeKey(key, nowMs)),
        file_keys: namesOfFile(config),
      })
      return exitCodes.ok
    }
    if (options.csv === true)
      printCsv(keyTable, { rows: keys.map((key) => saidKey(key, directory, nowMs)), directory, io })
    else printKeys(keys, { directory, nowMs, io })
    if (options.quiet === true) return exitCodes.ok
    if (config.keys.length > 0)
      io.err(`${count(config.keys.length, 'key')} of the file besides: ${namesOfFile(config).join(', ')}`)
    if (keys.length === 0) io.err('no keys; holdfast key create laptop makes one')
    return exitCodes.ok
  })
}

/** As the admin API says it: the role of an admin key is that of its user, where it has one. */
function saidKey(key: KeyRecord, directory: Directory, nowMs: number): SaidKey {
  const user = key.kind === 'admin' ? directory.users.find(({ id }) => id === key.userId) : undefined
  return {
    ...describeKey(key, nowMs),
    role: user?.role ?? key.role ?? null,
    limits: sayLimits(key.limits),
  }
}

interface KeyTable {
  readonly directory: Directory
  readonly nowMs: number
  readonly io: CliIo
}

function printKeys(keys: readonly KeyRecord[], { directory, nowMs, io }: KeyTable): void {
  if (keys.length === 0) return
  const names = namesOf(directory)
  const columns = ['NAME', 'KEY', 'STATE', 'PROJECT', 'USER', 'MADE', 'UNTIL', 'ID'].map((title) => ({
    title,
  }))
  const rows = keys.map((key) => [
    key.name,
    `sk-hf-${key.kind === 'admin' ? 'admin-' : ''}…${key.hint}`,
    stateOf(key, nowMs),
    names.get(key.projectId ?? '') ?? '-',
    names.get(key.userId ?? '') ?? '-',
    sayMoment(key.createdAtMs),
    key.expiresAtMs === undefined ? '-' : sayMoment(key.expiresAtMs),
    key.id,
  ])
  const [head = '', ...lines] = tableLines(columns, rows)
  io.out([io.style('dim', head), ...lines].join('\n'))
}

export function keyRevoke(asked: string, options: CommonOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    const edit = await changeDirectory(books, io, (directory, context) =>
      revokeKey(directory, asked, context),
    )
    const ids = edit.changes.flatMap((change) => (change.type === 'put-key' ? [change.key.id] : []))
    if (options.json) printJson(io, { ok: true, revoked: ids })
    else if (options.quiet !== true)
      io.out(
        ids.length === 0
          ? 'it was revoked already'
          : `revoked: ${ids.join(', ')}; a running gateway refuses it within a second`,
      )
    return exitCodes.ok
  })
}

export interface KeyRotateOptions extends CommonOptions {
  readonly overlap?: string
  readonly expires?: string
}

export function keyRotate(asked: string, options: KeyRotateOptions, io: CliIo): Promise<ExitCode> {
  return withBooks(options, io, async (books) => {
    const rotation = {
      key: asked,
      ...(options.overlap !== undefined && { overlapMs: readLength(options.overlap) }),
      ...(options.expires !== undefined && { expiresAtMs: wallMs(io) + readLength(options.expires) }),
    }
    const edit = await changeDirectory(books, io, (directory, context) =>
      rotateKey(directory, rotation, context),
    )
    showNewKey(edit, { books, options, io })
    const old = edit.changes.flatMap((change) =>
      change.type === 'put-key' && change.key.replacedBy === edit.key.id ? [change.key] : [],
    )[0]
    if (!options.json) sayEnds(edit.key, { old, options, io })
    return exitCodes.ok
  })
}

/** A key that a rotation made and that ends sooner than this is warned of, ms: a week. */
const SHORT_LIFE_MS = 7 * 86_400_000

interface Ends {
  readonly old: KeyRecord | undefined
  readonly options: KeyRotateOptions
  readonly io: CliIo
}

/** Nobody asked for an end that the new key has of the old one, so that a near one is told even where little is said. */
function sayEnds({ name, expiresAtMs: endsAtMs }: KeyRecord, { old, options, io }: Ends): void {
  const isInherited = options.expires === undefined && endsAtMs !== undefined
  if (isInherited && endsAtMs - wallMs(io) < SHORT_LIFE_MS)
    io.err(
      `${io.style('yellow', 'warning:')} the new key ends soon, at ${sayMoment(endsAtMs)} UTC, for that was the end of the old one: holdfast key set ${JSON.stringify(name)} --expires 30d gives it longer`,
    )
  if (options.quiet === true) return
  io.err(endsAtMs === undefined ? 'It has no end.' : `It is good until ${sayMoment(endsAtMs)} UTC.`)
  if (old?.expiresAtMs === undefined) return
  io.err(
    isInForce(old, wallMs(io))
      ? `The old one is good until ${sayMoment(old.expiresAtMs)} UTC.`
      : 'The old one is refused from now on; a running gateway refuses it within a second.',
  )
}

/** Everything but the key and its hash. */
export function describeKey(key: KeyRecord, nowMs: number) {
  return {
    id: key.id,
    name: key.name,
    kind: key.kind,
    hint: key.hint,
    state: stateOf(key, nowMs),
    project_id: key.projectId ?? null,
    user_id: key.userId ?? null,
    role: key.role ?? null,
    scopes: key.scopes,
    limits: key.limits ?? null,
    keep_bodies: key.keepBodies ?? null,
    created_at: new Date(key.createdAtMs).toISOString(),
    expires_at: key.expiresAtMs === undefined ? null : new Date(key.expiresAtMs).toISOString(),
    revoked_at: key.revokedAtMs === undefined ? null : new Date(key.revokedAtMs).toISOString(),
    replaced_by: key.replacedBy ?? null,
  }
}
