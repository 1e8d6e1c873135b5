/**
 * Every route of the admin API and the roles that may use it: the one table. A route that is not here cannot be mounted
 * (SEC-13).
 */

import type { Role } from '../../keys/records.ts'

/** Members see what is their own: `sight.ts`. */
const EVERYONE = ['owner', 'admin', 'member', 'viewer'] as const
/** What concerns everybody. */
const WHOLE = ['owner', 'admin', 'viewer'] as const
/** A change that gives nobody more than he had. */
const OWN = ['owner', 'admin', 'member'] as const
const ADMINS = ['owner', 'admin'] as const
/** Asks nobody who he is. */
const OPEN = 'open'

export const adminAccess = {
  'GET /': OPEN,
  'GET /openapi.json': OPEN,
  'GET /sign-in': OPEN,
  'POST /sign-in': OPEN,
  'POST /sign-out': OPEN,

  'GET /api/v1/me': EVERYONE,
  'GET /api/v1/health': EVERYONE,

  'GET /api/v1/keys': EVERYONE,
  'POST /api/v1/keys': ADMINS,
  'GET /api/v1/keys/{id}': EVERYONE,
  'PATCH /api/v1/keys/{id}': ADMINS,
  'POST /api/v1/keys/{id}/revoke': OWN,
  'POST /api/v1/keys/{id}/rotate': OWN,

  'GET /api/v1/projects': EVERYONE,
  'POST /api/v1/projects': ADMINS,
  'GET /api/v1/projects/{id}': EVERYONE,
  'PATCH /api/v1/projects/{id}': ADMINS,
  'DELETE /api/v1/projects/{id}': ADMINS,

  'GET /api/v1/teams': EVERYONE,
  'POST /api/v1/teams': ADMINS,
  'GET /api/v1/teams/{id}': EVERYONE,
  'PATCH /api/v1/teams/{id}': ADMINS,
  'DELETE /api/v1/teams/{id}': ADMINS,

  'GET /api/v1/users': EVERYONE,
  'POST /api/v1/users': ADMINS,
  'GET /api/v1/users/{id}': EVERYONE,
  'PATCH /api/v1/users/{id}': ADMINS,
  'DELETE /api/v1/users/{id}': ADMINS,
  'POST /api/v1/users/{id}/sign-in-links': ADMINS,

  'GET /api/v1/budgets': EVERYONE,
  'POST /api/v1/budgets': ADMINS,
  'GET /api/v1/budgets/{id}': EVERYONE,
  'PATCH /api/v1/budgets/{id}': ADMINS,
  'DELETE /api/v1/budgets/{id}': ADMINS,

  'GET /api/v1/routes': EVERYONE,
  'POST /api/v1/routes': ADMINS,
  'GET /api/v1/routes/{name}': EVERYONE,
  'PUT /api/v1/routes/{name}': ADMINS,
  'DELETE /api/v1/routes/{name}': ADMINS,
  'GET /api/v1/targets': EVERYONE,
  'POST /api/v1/targets': ADMINS,

  'GET /api/v1/usage': EVERYONE,
  'GET /api/v1/requests': EVERYONE,
  'GET /api/v1/requests/{id}': EVERYONE,
  'GET /api/v1/requests/{id}/bodies': ADMINS,

  'DELETE /api/v1/cache': ADMINS,

  'GET /api/v1/secret': WHOLE,

  'GET /api/v1/audit': WHOLE,
  'GET /api/v1/audit/verify': WHOLE,
} as const satisfies Readonly<Record<string, readonly Role[] | typeof OPEN>>

/** `METHOD /path`, with parameters in braces. */
export type AdminRoute = keyof typeof adminAccess

export function rolesOf(route: AdminRoute): readonly Role[] | typeof OPEN {
  return adminAccess[route]
}

const RANKS = { viewer: 0, member: 1, admin: 2, owner: 3 } as const satisfies Record<Role, number>

/** Whether somebody of this role may hand out, change or take away what has that one: nobody lifts himself. */
export function mayGrant(own: Role, granted: Role): boolean {
  return RANKS[granted] <= RANKS[own]
}

/** The methods that a path has; empty where there is no such path. */
export function methodsOf(path: string): readonly string[] {
  return routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)
}

const routes = Object.keys(adminAccess).map((route) => {
  const [method = '', path = ''] = route.split(' ')
  return { method, pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`) }
})
