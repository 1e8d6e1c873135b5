/** People and service accounts over the admin API, and the links by which they sign in. */

import { createUser, disableUser } from '../../keys/people-changes.ts'
import { changeUser } from '../../keys/record-changes.ts'
import type { Directory, UserRecord } from '../../keys/records.ts'
import { changeDirectory } from './change-directory.ts'
import { type AdminCall, endpoint } from './endpoint.ts'
import { byId, checkGrant } from './grants.ts'
import { pageRecords } from './page-records.ts'
import { invalid, notFound } from './problem.ts'
import {
  idSchema,
  named,
  nameSchema,
  pageOf,
  pageQuery,
  roleSchema,
  sayTime,
  timeSchema,
  withoutAbsent,
  z,
} from './schemas.ts'

const userSchema = named(
  'User',
  z.object({
    id: idSchema,
    name: z.string(),
    email: z.string().nullable(),
    role: roleSchema,
    is_service: z.boolean().meta({ description: 'A program that has keys of its own and never signs in.' }),
    team_id: idSchema.nullable(),
    created_at: timeSchema,
    disabled_at: timeSchema.nullable(),
  }),
)

export const userEndpoints = [
  endpoint({
    route: 'GET /api/v1/users',
    summary: 'Users and service accounts, the newest first.',
    query: z.strictObject({
      ...pageQuery,
      team_id: idSchema.optional(),
      is_service: z.enum(['true', 'false']).optional(),
    }),
    answer: pageOf(userSchema),
    async handle({ query, sight, directory }) {
      const asked = directory.users.filter(
        (user) =>
          sight.user(user) &&
          (query.team_id === undefined || user.teamId === query.team_id) &&
          (query.is_service === undefined || String(user.isService) === query.is_service),
      )
      const { rows, next } = pageRecords(asked, query)
      return { data: rows.map(sayUser), next }
    },
  }),
  endpoint({
    route: 'POST /api/v1/users',
    summary: 'Adds a user or a service account.',
    body: z.strictObject({
      name: nameSchema,
      email: z.string().max(256).optional(),
      role: roleSchema.default('member'),
      is_service: z.boolean().default(false),
      team_id: idSchema.optional(),
    }),
    status: 201,
    answer: userSchema,
    async handle(call) {
      const { name, email, role, is_service: isService, team_id: team } = call.body
      checkGrant(call.caller.role, role)
      const { edit } = await changeDirectory(call, (directory, context) =>
        createUser(
          directory,
          {
            name,
            role,
            isService,
            ...withoutAbsent({ email, team: byId('team_id', team, directory.teams) }),
          },
          context,
        ),
      )
      return sayUser(edit.user)
    },
  }),
  endpoint({
    route: 'GET /api/v1/users/{id}',
    summary: 'One user.',
    answer: userSchema,
    async handle(call) {
      return sayUser(userInSight(call))
    },
  }),
  endpoint({
    route: 'PATCH /api/v1/users/{id}',
    summary: 'Changes a user. What is named takes the place of what was; null takes it away.',
    body: z.strictObject({
      name: nameSchema.optional(),
      email: z.string().max(256).nullable().optional(),
      role: roleSchema.optional(),
      team_id: idSchema.nullable().optional(),
    }),
    answer: userSchema,
    async handle(call) {
      const { name, email, role, team_id: team } = call.body
      checkGrant(call.caller.role, role)
      const { edit } = await changeDirectory(call, (directory, context) => {
        byId('team_id', team ?? undefined, directory.teams)
        const { id } = userToChange(call, directory)
        return changeUser(directory, { user: id, ...withoutAbsent({ name, email, role, team }) }, context)
      })
      return sayUser(edit.user)
    },
  }),
  endpoint({
    route: 'DELETE /api/v1/users/{id}',
    summary: 'Disables a user: sessions and keys are worth nothing from then on. The record stays.',
    answer: userSchema,
    async handle(call) {
      const { directory } = await changeDirectory(call, (directory, context) =>
        disableUser(directory, userToChange(call, directory).id, context),
      )
      return sayUser(userInSight({ ...call, directory }))
    },
  }),
  endpoint({
    route: 'POST /api/v1/users/{id}/sign-in-links',
    summary: 'Makes a link by which the user signs in, once, within a quarter of an hour.',
    status: 201,
    answer: z.object({
      path: z
        .string()
        .meta({ description: 'To be put behind the address of this listener. Whoever has it is the user.' }),
      expires_at: timeSchema,
    }),
    async handle(call) {
      const { rooms, caller } = call
      const user = userToChange(call, call.directory)
      if (user.isService || user.disabledAtMs !== undefined)
        throw invalid('id', 'Service accounts and disabled users do not sign in.')
      await rooms.store.note({
        atMs: rooms.clock.wallMs(),
        actor: caller.actor,
        action: 'make-sign-in-link',
        subject: user.id,
      })
      const link = rooms.signInLinks.make({ kind: 'user', userId: user.id })
      return { path: link.path, expires_at: new Date(link.expiresAtMs).toISOString() }
    },
  }),
]

function sayUser(user: UserRecord): z.input<typeof userSchema> {
  return {
    id: user.id,
    name: user.name,
    email: user.email ?? null,
    role: user.role,
    is_service: user.isService,
    team_id: user.teamId ?? null,
    created_at: new Date(user.createdAtMs).toISOString(),
    disabled_at: sayTime(user.disabledAtMs),
  }
}

function userInSight({ directory, sight, id }: AdminCall): UserRecord {
  const user = directory.users.find((other) => other.id === id)
  if (user === undefined || !sight.user(user)) throw notFound('user')
  return user
}

function userToChange(call: AdminCall, directory: Directory): UserRecord {
  const user = userInSight({ ...call, directory })
  checkGrant(call.caller.role, user.role)
  return user
}
