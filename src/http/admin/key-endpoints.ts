/** Keys over the admin API: made, shown once, narrowed, rotated and revoked. */

import type { EditContext } from '../../keys/directory-edit.ts'
import {
  createKey,
  type KeyEditContext,
  OVERLAP_MAX_MS,
  revokeKey,
  ROTATION_OVERLAP_MS,
  rotateKey,
} from '../../keys/key-changes.ts'
import { changeKey } from '../../keys/record-changes.ts'
import type { Directory, KeyRecord, Role } from '../../keys/records.ts'
import { keyTable } from '../../reports/record-tables.ts'
import { rolesOf } from './access.ts'
import { changeDirectory } from './change-directory.ts'
import { type AdminCall, endpoint } from './endpoint.ts'
import { byId, checkGrant } from './grants.ts'
import { mapInSlices } from './in-slices.ts'
import { pageRecords } from './page-records.ts'
import { AdminProblem, notFound } from './problem.ts'
import { recordCsv } from './record-csv.ts'
import {
  idSchema,
  limitsSchema,
  momentSchema,
  named,
  nameSchema,
  pageOf,
  readLimits,
  readScopes,
  roleSchema,
  sayLimits,
  sayTime,
  scopesSchema,
  tableQuery,
  tableRowsMax,
  timeSchema,
  withoutAbsent,
  z,
} from './schemas.ts'

const stateSchema = z.enum(['active', 'expired', 'revoked'])

const keySchema = named(
  'Key',
  z.object({
    id: idSchema,
    kind: z.enum(['data', 'admin']),
    name: z.string(),
    hint: z.string().meta({ description: 'The last four characters of the key.' }),
    state: stateSchema,
    project_id: idSchema.nullable(),
    user_id: idSchema.nullable(),
    role: roleSchema.nullable().meta({ description: 'Of an admin key: its own, or that of its user.' }),
    scopes: scopesSchema,
    limits: limitsSchema,
    keep_bodies: z
      .boolean()
      .nullable()
      .meta({ description: 'Whether its bodies are kept; null: as the file says.' }),
    created_at: timeSchema,
    expires_at: timeSchema.nullable(),
    revoked_at: timeSchema.nullable(),
    replaced_by: idSchema.nullable(),
  }),
)

const newKeySchema = named(
  'NewKey',
  keySchema.extend({
    secret: z.string().meta({ description: 'The key itself: shown here and never again.' }),
  }),
)

export const keyEndpoints = [
  endpoint({
    route: 'GET /api/v1/keys',
    summary: 'The keys, the newest first.',
    query: z.strictObject({
      ...tableQuery,
      state: stateSchema.optional(),
      kind: z.enum(['data', 'admin']).optional(),
      project_id: idSchema.optional(),
      user_id: idSchema.optional(),
    }),
    answer: pageOf(keySchema),
    csv: recordCsv(keyTable),
    async handle({ query, sight, directory, rooms, isCsv }) {
      const nowMs = rooms.clock.wallMs()
      const asked = directory.keys.filter(
        (key) =>
          sight.key(key) &&
          (query.kind === undefined || key.kind === query.kind) &&
          (query.state === undefined || stateOf(key, nowMs) === query.state) &&
          (query.project_id === undefined || key.projectId === query.project_id) &&
          (query.user_id === undefined || key.userId === query.user_id),
      )
      const { rows, next } = pageRecords(asked, { ...query, limit: tableRowsMax(query, isCsv) })
      return { data: [...(await mapInSlices(rows, (key) => sayKey(key, directory, nowMs)))], next }
    },
  }),
  endpoint({
    route: 'POST /api/v1/keys',
    summary: 'Makes a key; the answer holds it, once.',
    body: z.strictObject({
      name: nameSchema,
      kind: z.enum(['data', 'admin']).default('data'),
      project_id: idSchema.optional(),
      user_id: idSchema.optional(),
      role: roleSchema.optional().meta({ description: 'Of an admin key without a user.' }),
      scopes: scopesSchema.optional(),
      limits: limitsSchema.optional(),
      keep_bodies: z.boolean().optional(),
      expires_at: momentSchema.optional(),
    }),
    status: 201,
    answer: newKeySchema,
    async handle(call) {
      const { body, rooms, caller } = call
      const { edit, directory } = await changeDirectory(call, (directory, context) => {
        const made = createKey(
          directory,
          withoutAbsent({
            name: body.name,
            kind: body.kind,
            project: byId('project_id', body.project_id, directory.projects),
            user: byId('user_id', body.user_id, directory.users),
            role: body.role,
            scopes: body.scopes && readScopes(body.scopes),
            limits: body.limits && readLimits(body.limits),
            keepBodies: body.keep_bodies,
            expiresAtMs: body.expires_at,
          }) as Parameters<typeof createKey>[1],
          keyContext(context, call),
        )
        checkGrant(caller.role, roleBehind(made.key, directory))
        return made
      })
      return { ...sayKey(edit.key, directory, rooms.clock.wallMs()), secret: edit.secret.reveal() }
    },
  }),
  endpoint({
    route: 'GET /api/v1/keys/{id}',
    summary: 'One key.',
    answer: keySchema,
    async handle(call) {
      return sayKey(keyInSight(call), call.directory, call.rooms.clock.wallMs())
    },
  }),
  endpoint({
    route: 'PATCH /api/v1/keys/{id}',
    summary: 'Changes what a key may do. What is named takes the place of what was; null takes it away.',
    body: z.strictObject({
      scopes: scopesSchema.optional(),
      limits: limitsSchema.nullable().optional(),
      keep_bodies: z.boolean().nullable().optional(),
      expires_at: momentSchema.nullable().optional(),
    }),
    answer: keySchema,
    async handle(call) {
      const { body, rooms } = call
      const { edit, directory } = await changeDirectory(call, (directory, context) =>
        changeKey(
          directory,
          {
            key: keyToChange(call, directory).id,
            ...(body.scopes !== undefined && { scopes: readScopes(body.scopes) }),
            ...(body.limits !== undefined && { limits: body.limits && readLimits(body.limits) }),
            ...(body.keep_bodies !== undefined && { keepBodies: body.keep_bodies }),
            ...(body.expires_at !== undefined && { expiresAtMs: body.expires_at }),
          },
          context,
        ),
      )
      return sayKey(edit.key, directory, rooms.clock.wallMs())
    },
  }),
  endpoint({
    route: 'POST /api/v1/keys/{id}/revoke',
    summary: 'Revokes a key: here at once, everywhere within five seconds.',
    answer: keySchema,
    async handle(call) {
      const { directory } = await changeDirectory(call, (directory, context) =>
        revokeKey(directory, keyToChange(call, directory).id, context),
      )
      return sayKey(keyInSight({ ...call, directory }), directory, call.rooms.clock.wallMs())
    },
  }),
  endpoint({
    route: 'POST /api/v1/keys/{id}/rotate',
    summary: 'Makes a key in place of this one, which stays good for the overlap.',
    body: z.strictObject({
      overlap_seconds: z
        .int()
        .min(0)
        .max(OVERLAP_MAX_MS / 1_000)
        .default(ROTATION_OVERLAP_MS / 1_000)
        .meta({
          description: 'How long the old key is still good. Default a day; 0 ends it at once.',
        }),
      expires_at: momentSchema.nullable().optional().meta({
        description: 'When the new key ends; null: never. Absent: when the old one would have.',
      }),
    }),
    status: 201,
    answer: newKeySchema,
    async handle(call) {
      const { overlap_seconds: overlapSeconds, expires_at: expiresAtMs } = call.body
      const { edit, directory } = await changeDirectory(call, (directory, context) => {
        const old = keyToChange(call, directory)
        if (expiresAtMs !== undefined) checkEnd(call.caller.role, old, expiresAtMs)
        const rotation = { key: old.id, overlapMs: overlapSeconds * 1_000 }
        return rotateKey(
          directory,
          { ...rotation, ...(expiresAtMs !== undefined && { expiresAtMs }) },
          keyContext(context, call),
        )
      })
      return { ...sayKey(edit.key, directory, call.rooms.clock.wallMs()), secret: edit.secret.reveal() }
    },
  }),
]

function sayKey(key: KeyRecord, directory: Directory, nowMs: number): z.input<typeof keySchema> {
  const { routes, models, operations } = key.scopes
  return {
    id: key.id,
    kind: key.kind,
    name: key.name,
    hint: key.hint,
    state: stateOf(key, nowMs),
    project_id: key.projectId ?? null,
    user_id: key.userId ?? null,
    role: adminRoleOf(key, directory) ?? null,
    scopes: withoutAbsent({
      routes: routes && [...routes],
      models: models && [...models],
      operations: operations && [...operations],
    }),
    limits: sayLimits(key.limits),
    keep_bodies: key.keepBodies ?? null,
    created_at: new Date(key.createdAtMs).toISOString(),
    expires_at: sayTime(key.expiresAtMs),
    revoked_at: sayTime(key.revokedAtMs),
    replaced_by: key.replacedBy ?? null,
  }
}

function stateOf({ revokedAtMs, expiresAtMs }: KeyRecord, nowMs: number): z.output<typeof stateSchema> {
  if (revokedAtMs !== undefined) return 'revoked'
  return expiresAtMs !== undefined && expiresAtMs <= nowMs ? 'expired' : 'active'
}

/** The role that its holder has with the admin API; `undefined` for a data key. */
function adminRoleOf({ kind, userId, role }: KeyRecord, directory: Directory): Role | undefined {
  if (kind === 'data') return undefined
  return userId === undefined ? role : directory.users.find(({ id }) => id === userId)?.role
}

function keyInSight({ directory, sight, id }: AdminCall): KeyRecord {
  const key = directory.keys.find((other) => other.id === id)
  if (key === undefined || !sight.key(key)) throw notFound('key')
  return key
}

/**
 * A rotation shows a key, so nobody may rotate one that can do more than he, or speaks in the name of somebody who can: by
 * the directory that is changed.
 */
function keyToChange(call: AdminCall, directory: Directory): KeyRecord {
  const key = keyInSight({ ...call, directory })
  checkGrant(call.caller.role, roleBehind(key, directory))
  return key
}

/** Members rotate their keys, but do not change them: a new key of theirs ends no later than the old one would have. */
function checkEnd(role: Role, { expiresAtMs: before }: KeyRecord, after: number | null): void {
  if (rolesOf('PATCH /api/v1/keys/{id}').includes(role)) return
  if (before === undefined || (after !== null && after <= before)) return
  throw new AdminProblem(
    'permission_denied',
    `Your role, ${role}, may not let the new key end later than this one, which ends at ${sayTime(before)}.`,
  )
}

/** The role that it takes to change a key; `undefined` for data keys of nobody: of a project, of a service account. */
function roleBehind(key: KeyRecord, directory: Directory): Role | undefined {
  if (key.kind === 'admin') return adminRoleOf(key, directory)
  const user = directory.users.find(({ id }) => id === key.userId)
  return user?.isService === true ? undefined : user?.role
}

function keyContext(context: EditContext, { rooms }: AdminCall): KeyEditContext {
  return { ...context, peppers: rooms.peppers, namesOfFile: rooms.namesOfFile() }
}
