/**
 * The admin API: every endpoint of the table on one app, the document that describes them, and the rules that hold for all
 * of them. It listens nowhere itself: the admin server hands its requests over.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { HTTPException } from 'hono/http-exception'
import { describeDefect } from '../../errors/describe-defect.ts'
import { StoreConflict, StoreUnavailable } from '../../std/store-error.ts'
import { methodsOf } from './access.ts'
import { auditEndpoints } from './audit-endpoints.ts'
import { BoundedWork, type WorkBounds } from './bounded-work.ts'
import { budgetEndpoints } from './budget-endpoints.ts'
import { cacheEndpoint } from './cache-endpoint.ts'
import type { Endpoint } from './endpoint.ts'
import { gatewayEndpoints } from './gateway-endpoints.ts'
import { keyEndpoints } from './key-endpoints.ts'
import { type AdminApp, type AdminEnv, mount } from './mount.ts'
import { AdminProblem, problemBody } from './problem.ts'
import { projectEndpoints, teamEndpoints } from './project-endpoints.ts'
import { requestEndpoints } from './request-endpoints.ts'
import type { AdminRooms } from './rooms.ts'
import { secretEndpoint } from './secret-endpoint.ts'
import { Sessions } from './sessions.ts'
import { mountSignIn } from './sign-in-routes.ts'
import { usageEndpoint } from './usage-endpoint.ts'
import { userEndpoints } from './user-endpoints.ts'

export interface AdminApi {
  /** Whether the path, without its query, is one of the API's. */
  owns(path: string): boolean
  /** Answers; the rules of the listener about hosts and origins have been kept before. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** `METHOD /path` of everything that is answered, parameters as `:name`. */
  readonly routes: readonly string[]
  /** The OpenAPI 3.1 document. */
  document(): object
}

/** Calls that are at work at one time, and the longest that one may take, ms. */
export const ADMIN_WORK: WorkBounds = { placesMax: 16, timeMs: 10_000 }

const OWN_PATHS = new Set(['/', '/openapi.json', '/sign-in', '/sign-out'])

export const adminEndpoints: readonly Endpoint[] = [
  ...gatewayEndpoints,
  ...keyEndpoints,
  ...projectEndpoints,
  ...teamEndpoints,
  ...userEndpoints,
  ...budgetEndpoints,
  usageEndpoint,
  ...requestEndpoints,
  cacheEndpoint,
  secretEndpoint,
  ...auditEndpoints,
]

export function createAdminApi(rooms: AdminRooms, bounds: WorkBounds = ADMIN_WORK): AdminApi {
  const app = createApp(rooms)
  const sessions = new Sessions(rooms)
  const work = new BoundedWork(rooms.clock, bounds)
  const mounting = { app, rooms, sessions, work }
  mountSignIn(mounting)
  for (const endpoint of adminEndpoints) mount(endpoint, mounting)
  const document = mountDocument(app, rooms)
  const listener = getRequestListener(
    async (request, env) => {
      // Sound: the admin server speaks HTTP/1.1 alone.
      const response = await app.fetch(request, env)
      for (const [name, value] of SAFETY) response.headers.set(name, value)
      return response
    },
    // The Request and Response of the whole process stay Node's own.
    { overrideGlobalObjects: false, errorHandler: (error) => defect(error, rooms) },
  )
  return {
    owns: (path) => OWN_PATHS.has(path) || path.startsWith('/api/'),
    handle: listener,
    routes: app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => `${method} ${path}`),
    document,
  }
}

/** On every answer, refusals among them (SEC-61). A page of ours may send forms to us and do nothing else (SEC-54). */
const SAFETY = [
  ['cache-control', 'no-store'],
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  [
    'content-security-policy',
    "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  ],
  ['cross-origin-resource-policy', 'same-origin'],
  ['cross-origin-opener-policy', 'same-origin'],
  // With "no-referrer" browsers say "origin: null" of a form that a page of ours sends to us.
  ['referrer-policy', 'same-origin'],
] as const

function createApp(rooms: AdminRooms): AdminApp {
  const app: AdminApp = new OpenAPIHono<AdminEnv>({
    defaultHook: (result: Validation) => {
      if (!result.success) throw invalidRequest(result)
    },
  })
  app.notFound((context) => {
    const methods = methodsOf(context.req.path)
    if (methods.length === 0)
      return answer(new AdminProblem('path_not_found', 'There is nothing at this path.'))
    const allow = methods.join(', ')
    return answer(new AdminProblem('method_not_allowed', `This path has ${allow}.`, { allow }))
  })
  app.onError((error) => {
    if (error instanceof AdminProblem) return answer(error)
    if (error instanceof HTTPException) return answer(problemOfHono(error))
    if (error instanceof StoreUnavailable)
      return answer(
        new AdminProblem('store_unavailable', 'The store does not answer.', { 'retry-after': '1' }),
      )
    if (error instanceof StoreConflict)
      return answer(new AdminProblem('conflict', 'Somebody else changed this at the same moment.'))
    return defect(error, rooms)
  })
  return app
}

/** Written when it is first asked for: the gateway may not know its version before it runs. */
function mountDocument(app: AdminApp, { view }: AdminRooms): () => object {
  app.openAPIRegistry.registerComponent('securitySchemes', 'adminKey', {
    type: 'http',
    scheme: 'bearer',
    description: 'An admin key: sk-hf-admin-...',
  })
  app.openAPIRegistry.registerComponent('securitySchemes', 'session', {
    type: 'apiKey',
    in: 'cookie',
    name: 'holdfast_session_4142',
    description:
      'The session of a browser; its name ends in the port. Changes need the header x-csrf-token as well: GET /api/v1/me tells it.',
  })
  app.openapi(
    createRoute({
      method: 'get',
      path: '/openapi.json',
      operationId: 'get_openapi_json',
      summary: 'This document.',
      tags: ['gateway'],
      responses: { 200: { description: 'OpenAPI 3.1.' } },
    }),
    (context) => context.json(document()),
  )
  let written: object | undefined
  const document = () => {
    written ??= app.getOpenAPI31Document({
      openapi: '3.1.0',
      info: {
        title: 'Holdfast admin API',
        version: view.status().version,
        description: 'Keys, people, budgets, spending, requests and the audit log of one Holdfast gateway.',
      },
    })
    return written
  }
  return document
}

interface Validation {
  readonly success: boolean
  readonly target: string
  readonly error?: { readonly issues: readonly Issue[] }
}

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** Says which field, and never what it held: somebody may have put a key there. */
function invalidRequest({ error, target }: Validation): AdminProblem {
  const [issue] = error?.issues ?? []
  const field = issue?.path.map(String).join('.') ?? ''
  const subject = field === '' ? (target === 'json' ? 'The body' : `The ${target}`) : field
  return new AdminProblem('invalid_request', `${subject}: ${issue?.message ?? 'is not as it should be'}`)
}

function problemOfHono({ status }: HTTPException): AdminProblem {
  if (status === 415) return new AdminProblem('unsupported_media_type', 'The body is not said to be JSON.')
  return new AdminProblem('invalid_request', 'The body is not JSON.')
}

function answer(problem: AdminProblem): Response {
  return Response.json(problemBody(problem), { status: problem.row.status, headers: problem.headers })
}

/** Where it happened goes to the log; the caller learns that it did. */
function defect(error: unknown, { telemetry }: AdminRooms): Response {
  telemetry.notices.publish({
    level: 'error',
    name: 'admin_defect',
    message: 'A call of the admin API met a defect of the gateway.',
    facts: { ...describeDefect(error) },
  })
  const response = answer(new AdminProblem('gateway_error', 'The gateway failed on this call.'))
  for (const [name, value] of SAFETY) response.headers.set(name, value)
  return response
}
