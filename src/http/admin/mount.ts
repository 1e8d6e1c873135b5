/**
 * Puts endpoints onto the app: first who calls and whether he may, then what he sent, then the work, bounded; and the same
 * endpoint into the OpenAPI document.
 */

import type { HttpBindings } from '@hono/node-server'
import { createRoute, type OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import type { Context, MiddlewareHandler } from 'hono'
import { writeCsvLine } from '../../reports/csv.ts'
import { rolesOf } from './access.ts'
import type { BoundedWork } from './bounded-work.ts'
import { type Caller, checkCsrf, identify } from './caller.ts'
import type { AdminCall, Endpoint } from './endpoint.ts'
import { mapInSlices } from './in-slices.ts'
import { limitBody } from './limit-body.ts'
import { AdminProblem } from './problem.ts'
import type { AdminRooms } from './rooms.ts'
import { named, z } from './schemas.ts'
import type { Sessions } from './sessions.ts'
import { sightOf } from './sight.ts'

export interface AdminEnv {
  readonly Bindings: HttpBindings
  readonly Variables: { caller: Caller }
}
export type AdminApp = OpenAPIHono<AdminEnv>

export interface Mounting {
  readonly app: AdminApp
  readonly rooms: AdminRooms
  readonly sessions: Sessions
  readonly work: BoundedWork
}

export const problemSchema = named(
  'Problem',
  z.object({ error: z.object({ code: z.string(), message: z.string(), next_step: z.string() }) }),
)

export function mount(endpoint: Endpoint, mounting: Mounting): void {
  const { app } = mounting
  const [method, path] = partsOf(endpoint.route)
  const route = createRoute({
    method,
    path,
    operationId: operationIdOf(method, path),
    summary: endpoint.summary,
    tags: [path.split('/')[3] ?? 'gateway'],
    security: [{ adminKey: [] }, { session: [] }],
    middleware: [guard(endpoint, mounting), limitBody],
    ...describe(endpoint, path),
  })
  app.openapi(route, (context) => serve(context, endpoint, mounting))
}

/** Sound: zod is the same at run time; the declarations of zod-openapi name its CommonJS types. */
function describe(endpoint: Endpoint, path: string): Pick<RouteConfig, 'request' | 'responses'> {
  return {
    request: {
      ...(path.includes('{') && { params: paramsSchema(path) }),
      ...(endpoint.query !== undefined && { query: endpoint.query }),
      ...(endpoint.body !== undefined && {
        body: { required: true, content: { 'application/json': { schema: endpoint.body } } },
      }),
    },
    responses: responsesOf(endpoint),
  } as unknown as Pick<RouteConfig, 'request' | 'responses'>
}

/** Default deny: a route without a row in the table does not come to be, and a role that is not in its row is refused. */
function guard({ route }: Endpoint, { rooms, sessions }: Mounting): MiddlewareHandler<AdminEnv> {
  const roles = rolesOf(route)
  if (roles === undefined || roles === 'open') throw new Error(`${route} has no roles in access.ts.`)
  const isChange = !route.startsWith('GET ')
  return async (context, next) => {
    const request = context.env.incoming
    const caller = await identify(request, rooms, sessions)
    if (!roles.includes(caller.role))
      throw new AdminProblem(
        'permission_denied',
        `Your role, ${caller.role}, does not allow this: it takes ${roles.join(' or ')}.`,
      )
    if (isChange) checkCsrf(request, caller)
    context.set('caller', caller)
    return await next()
  }
}

async function serve(
  context: Context<AdminEnv>,
  endpoint: Endpoint,
  { rooms, work }: Mounting,
): Promise<Response> {
  const directory = rooms.directory.current
  if (directory === undefined)
    throw new AdminProblem('store_unavailable', 'The directory of users and keys has not been read yet.')
  const caller = context.get('caller')
  const query = endpoint.query === undefined ? undefined : context.req.valid('query' as never)
  const body = endpoint.body === undefined ? undefined : context.req.valid('json' as never)
  const [id = ''] = Object.values(context.req.param())
  const isCsv = endpoint.csv !== undefined && wantsCsv(context)
  const call = { caller, sight: sightOf(caller, directory), directory, rooms, id, isCsv, query, body }
  const done = await work.run(() => endpoint.handle(call), tooSlow(endpoint))
  if (endpoint.csv !== undefined && isCsv) return await csvAnswer(done, endpoint.csv, call)
  // Whatever a handler gives, what the document does not name is not sent.
  return context.json(endpoint.answer.parse(done), endpoint.status)
}

function tooSlow({ route }: Endpoint): string {
  return route.startsWith('GET ')
    ? 'The store took too long for this report.'
    : 'The store took too long; the change may or may not have been made: look before you ask again.'
}

function wantsCsv(context: Context): boolean {
  const format = context.req.query('format')
  return format === undefined ? /\btext\/csv\b/i.test(context.req.header('accept') ?? '') : format === 'csv'
}

async function csvAnswer(
  done: unknown,
  { columns, cells }: NonNullable<Endpoint['csv']>,
  call: AdminCall,
): Promise<Response> {
  // Sound: an endpoint that has a table answers with pages.
  const answer = done as { readonly data: readonly unknown[]; readonly next?: string | null }
  const cellsOf = cells({ answer, call })
  const lines = await mapInSlices(answer.data, (row) => writeCsvLine(cellsOf(row)))
  return new Response(writeCsvLine(columns) + lines.join(''), {
    headers: {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="holdfast.csv"',
      ...(typeof answer.next === 'string' && { 'x-next-cursor': answer.next }),
    },
  })
}

function partsOf(route: string): readonly ['get' | 'post' | 'put' | 'patch' | 'delete', string] {
  const [method = '', path = ''] = route.split(' ')
  // Sound: the table of routes has these methods and no other, which its test looks at.
  return [method.toLowerCase() as 'get', path]
}

/** `get_keys_id` for `GET /api/v1/keys/{id}`. */
export function operationIdOf(method: string, path: string): string {
  const words = path.replace(/^\/api\/v\d+/, '').match(/[a-z0-9]+/gi) ?? ['root']
  return [method, ...words].join('_')
}

function paramsSchema(path: string): z.ZodObject {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  return z.object(Object.fromEntries(names.map((name) => [name, z.string().max(256)])))
}

function responsesOf({ status, answer, csv, summary }: Endpoint) {
  return {
    [status]: {
      description: summary,
      content: {
        'application/json': { schema: answer },
        ...(csv !== undefined && { 'text/csv': { schema: z.string() } }),
      },
    },
    default: {
      description: 'Why it was not done.',
      content: { 'application/json': { schema: problemSchema } },
    },
  }
}
