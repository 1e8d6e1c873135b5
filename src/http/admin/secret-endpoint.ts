/** How far a rotation of the master secret is, over the admin API. It shows nothing of a secret. */

import { describeSecretStatus, KEYS_NAMED_MAX, readSecretStatus } from '../../reports/secret-status.ts'
import { SEALED_KINDS } from '../../reports/sealed-store.ts'
import { endpoint } from './endpoint.ts'
import { idSchema, named, timeSchema, z } from './schemas.ts'

const keysSchema = z.object({
  count: z.int(),
  keys: z
    .array(
      z.object({
        id: idSchema,
        name: z.string(),
        kind: z.enum(['data', 'admin']),
        hint: z.string(),
        expires_at: timeSchema.nullable(),
      }),
    )
    .meta({ description: `At most ${KEYS_NAMED_MAX} of them.` }),
})

const statusSchema = named(
  'SecretStatus',
  z.object({
    secrets: z.int().meta({ description: 'How many are given; the first is used.' }),
    older_secrets: z.enum(['none', 'unneeded', 'needed-until', 'needed-by-keys']),
    older_secrets_needed_until: timeSchema.nullable(),
    keys: z.int().meta({ description: 'In force.' }),
    keys_under_older: keysSchema,
    keys_under_missing: keysSchema,
    sealed: z.array(
      z.object({
        kind: z.enum(SEALED_KINDS),
        under_older: z.int(),
        under_older_until: timeSchema.nullable(),
        under_missing: z.int(),
      }),
    ),
  }),
)

export const secretEndpoint = endpoint({
  route: 'GET /api/v1/secret',
  summary: 'What still needs an older master secret, and when that may be taken out.',
  answer: statusSchema,
  async handle({ rooms, directory }) {
    const { store, peppers, sealer, clock } = rooms
    const status = await readSecretStatus({ store, directory, peppers, sealer, nowMs: clock.wallMs() })
    return describeSecretStatus(status)
  },
})
