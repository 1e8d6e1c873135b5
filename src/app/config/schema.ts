/** The rooms' schemas joined: the whole of `holdfast.yaml`, and the JSON Schema that editors read. */

import { z } from 'zod'
import { admissionLimitsShape } from '../../admission/config-schema.ts'
import {
  adminSchema,
  httpLimitsShape,
  listenSchema,
  shutdownSchema,
  tlsSchema,
} from '../../http/config-schema.ts'
import { secretSchema } from '../../std/config-values.ts'
import { storeSchema } from '../../stores/config-schema.ts'
import { cacheSchema } from '../../cache/config-schema.ts'
import { requestsSchema } from '../../archive/config-schema.ts'
import { journalSchema } from '../../journal/config-schema.ts'
import { budgetsSchema } from '../../ledger/config-schema.ts'
import { keysSchema } from '../../keys/config-schema.ts'
import { providersSchema } from '../../providers/config-schema.ts'
import { knownProviders } from '../../providers/index.ts'
import { routesSchema } from '../../routing/config-schema.ts'
import { logSchema } from '../../telemetry/config-schema.ts'
import { upstreamLimitsShape } from '../../upstream/config-schema.ts'

export const configSchema = z
  .strictObject({
    listen: listenSchema,
    tls: tlsSchema,
    admin: adminSchema,
    keys: keysSchema,
    discover: z
      .boolean()
      .default(true)
      .describe(
        'Whether keys in the environment and local servers on their usual ports become providers beside those named here. Default true.',
      ),
    providers: providersSchema,
    routes: routesSchema,
    limits: z
      .strictObject({ ...httpLimitsShape, ...upstreamLimitsShape, ...admissionLimitsShape })
      .prefault({})
      .describe('Bounds of the process.'),
    store: storeSchema,
    budgets: budgetsSchema,
    requests: requestsSchema,
    journal: journalSchema,
    cache: cacheSchema,
    masterKey: secretSchema
      .optional()
      .describe(
        'What keys are hashed and answers sealed under: at least 32 characters; several with commas between them for a rotation, the newest first. HOLDFAST_MASTER_KEY counts before it. Default: a file beside the store, made at the first start.',
      ),
    log: logSchema,
    shutdown: shutdownSchema,
  })
  .describe('Configuration of Holdfast.')

/** The file as written, defaults filled in, references not yet followed. */
export type ConfigDocument = z.output<typeof configSchema>
export type ProviderEntry = NonNullable<ConfigDocument['providers'][string]>

/** The JSON Schema of the file, as `docs/holdfast.schema.json` holds it. */
export function writeJsonSchema(): string {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-07',
    override({ jsonSchema, zodSchema }) {
      delete jsonSchema['isSecret']
      if (zodSchema === providersSchema.unwrap()) jsonSchema.properties = knownProviderProperties()
    },
  })
  return `${JSON.stringify({ title: 'holdfast.yaml', ...schema }, undefined, 2)}\n`
}

/** Lets an editor offer the known providers by name. */
function knownProviderProperties() {
  const entry = { $ref: '#/properties/providers/additionalProperties' }
  return Object.fromEntries([...knownProviders.keys()].map((id) => [id, entry]))
}
