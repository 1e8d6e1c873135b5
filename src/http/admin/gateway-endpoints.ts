/** Who one is, how the gateway is, and what its configuration says: that is read here and changed in its file. */

import type { AdminCall } from './endpoint.ts'
import { endpoint } from './endpoint.ts'
import type { RecordPage } from './page-records.ts'
import { AdminProblem, invalid, notFound } from './problem.ts'
import type { ConfigSubject, RouteDescription, TargetDescription } from './rooms.ts'
import { idSchema, named, pageOf, pageQuery, roleSchema, z } from './schemas.ts'

const routeSchema = named(
  'Route',
  z.object({
    name: z.string(),
    targets: z.array(z.string()),
    policy: z.unknown(),
    managed_by: z
      .string()
      .meta({ description: 'Where it can be changed: a file and, where known, its line.' }),
  }),
)

const targetSchema = named(
  'Target',
  z.object({
    target: z.string(),
    provider: z.string(),
    dialect: z.string(),
    is_local: z.boolean(),
    credential: z.string().nullable().meta({ description: 'The fingerprint of its credential.' }),
    managed_by: z.string(),
  }),
)

const anything = z.looseObject({})

export const gatewayEndpoints = [
  endpoint({
    route: 'GET /api/v1/me',
    summary: 'Who you are here, and the CSRF token of your session.',
    answer: z.object({
      actor: z.string(),
      role: roleSchema,
      user_id: idSchema.nullable(),
      user_name: z.string().nullable(),
      csrf_token: z.string().nullable(),
      session_expires_at: z.string().nullable(),
    }),
    async handle({ caller, directory }) {
      const { session } = caller
      return {
        actor: caller.actor,
        role: caller.role,
        user_id: caller.userId ?? null,
        user_name: directory.users.find(({ id }) => id === caller.userId)?.name ?? null,
        csrf_token: session?.csrfToken ?? null,
        session_expires_at: session ? new Date(session.lifetime.endsAtWallMs).toISOString() : null,
      }
    },
  }),
  endpoint({
    route: 'GET /api/v1/health',
    summary: 'How the gateway and its store are.',
    answer: z.object({
      state: z.string(),
      is_ready: z.boolean(),
      reasons: z.array(z.string()),
      store: z.object({ kind: z.string(), is_answering: z.boolean() }),
      gateway: z.unknown().meta({ description: 'As GET /status of this listener tells it.' }),
    }),
    async handle({ rooms }) {
      const { isReady, reasons } = rooms.readiness()
      const status = rooms.view.status()
      return {
        state: status.state,
        is_ready: isReady,
        reasons: [...reasons],
        store: { kind: rooms.store.kind, is_answering: await isAnswering(rooms) },
        gateway: status,
      }
    },
  }),
  endpoint({
    route: 'GET /api/v1/routes',
    summary: 'The routes of the configuration in force.',
    answer: pageOf(routeSchema),
    async handle({ rooms }) {
      return { data: rooms.config.routes().map((route) => sayRoute(route, rooms)), next: null }
    },
  }),
  endpoint({
    route: 'GET /api/v1/routes/{name}',
    summary: 'One route.',
    answer: routeSchema,
    async handle(call) {
      return sayRoute(routeNamed(call), call.rooms)
    },
  }),
  endpoint({
    route: 'POST /api/v1/routes',
    summary: 'Says where routes are added: the file manages them.',
    body: anything,
    answer: z.null(),
    handle: ({ rooms }) => refuseChange({ kind: 'route' }, rooms),
  }),
  endpoint({
    route: 'PUT /api/v1/routes/{name}',
    summary: 'Says where the route is changed: the file manages it.',
    body: anything,
    answer: z.null(),
    handle: (call) => refuseChange({ kind: 'route', name: routeNamed(call).name }, call.rooms),
  }),
  endpoint({
    route: 'DELETE /api/v1/routes/{name}',
    summary: 'Says where the route is removed: the file manages it.',
    answer: z.null(),
    handle: (call) => refuseChange({ kind: 'route', name: routeNamed(call).name }, call.rooms),
  }),
  endpoint({
    route: 'GET /api/v1/targets',
    summary:
      'The targets of the configuration in force: what the file names, what routes name, what providers list.',
    query: z.strictObject(pageQuery),
    answer: pageOf(targetSchema),
    async handle({ query, rooms }) {
      const { rows, next } = pageTargets(rooms.config.targets(), query)
      return { data: rows.map((target) => sayTarget(target, rooms)), next }
    },
  }),
  endpoint({
    route: 'POST /api/v1/targets',
    summary: 'Says where targets are added: the file manages them.',
    body: anything,
    answer: z.null(),
    handle: ({ rooms }) => refuseChange({ kind: 'target' }, rooms),
  }),
]

type Rooms = AdminCall['rooms']

async function isAnswering({ store }: Rooms): Promise<boolean> {
  try {
    await store.ping()
    return true
  } catch {
    return false
  }
}

function routeNamed({ rooms, id }: AdminCall): RouteDescription {
  const route = rooms.config.routes().find(({ name }) => name === id)
  if (route === undefined) throw notFound('route')
  return route
}

function sayRoute({ name, targets, policy }: RouteDescription, rooms: Rooms): z.input<typeof routeSchema> {
  return { name, targets: [...targets], policy, managed_by: sayPlace({ kind: 'route', name }, rooms) }
}

function sayTarget(target: TargetDescription, rooms: Rooms): z.input<typeof targetSchema> {
  return {
    target: target.target,
    provider: target.provider,
    dialect: target.dialect,
    is_local: target.isLocal,
    credential: target.credential ?? null,
    managed_by: sayPlace({ kind: 'target', name: target.target }, rooms),
  }
}

/** A provider may list thousands of models. The cursor is the last target of the page before. */
function pageTargets(
  targets: readonly TargetDescription[],
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): RecordPage<TargetDescription> {
  const before = targets.findIndex(({ target }) => target === cursor)
  if (cursor !== undefined && before === -1)
    throw invalid('cursor', 'There is no such target any more: begin anew.')
  const rows = targets.slice(before + 1, before + 1 + limit)
  const isLast = before + 1 + limit >= targets.length
  return { rows, next: isLast ? null : (rows.at(-1)?.target ?? null) }
}

function sayPlace(subject: ConfigSubject, { config }: Rooms): string {
  const { path, line } = config.placeOf(subject)
  if (path === undefined) return 'the environment: there is no holdfast.yaml yet'
  return line === undefined ? path : `${path}:${line}`
}

async function refuseChange(subject: ConfigSubject, rooms: Rooms): Promise<never> {
  const what =
    subject.name === undefined ? `New ${subject.kind}s are` : `The ${subject.kind} "${subject.name}" is`
  throw new AdminProblem('managed_by_file', `${what} managed by file: ${sayPlace(subject, rooms)}.`)
}
