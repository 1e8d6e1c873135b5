/** What the file says of providers. */

import { z } from 'zod'
import { pricesSchema } from '../ledger/config-schema.ts'
import { durationSchema, secretSchema } from '../std/config-values.ts'

/** Names that mean something else in an address. */
export const RESERVED_PROVIDER_IDS: readonly string[] = ['simulator', 'holdfast']

/** Keys of one pool. */
const KEYS_MAX = 16
const SLOTS_MAX = 10_000

const timeoutsSchema = z
  .strictObject({
    connect: durationSchema({ minMs: 10, maxMs: 120_000 })
      .optional()
      .describe('Until TCP and TLS stand. Default 5s.'),
    firstToken: durationSchema({ minMs: 100, maxMs: 3_600_000 })
      .optional()
      .describe('Until the first content arrives. Default 60s, for local servers 5m.'),
    idle: durationSchema({ minMs: 100, maxMs: 3_600_000 })
      .optional()
      .describe('Longest silence once content flows. Default 30s, for local servers 2m.'),
  })
  .describe('Limits of one attempt.')

const providerSchema = z
  .strictObject({
    provider: z
      .string()
      .optional()
      .describe('The known provider this entry is a further instance of, where its name is another.'),
    dialect: z
      .enum([
        'openai-chat',
        'openai-responses',
        'openai-completions',
        'anthropic-messages',
        'gemini',
        'bedrock-converse',
        'cohere-chat',
        'ollama-chat',
      ])
      .optional()
      .describe('The protocol it speaks. Needed for servers that are not known by name.'),
    alsoSpeaks: z
      .array(
        z.enum(['openai-chat', 'openai-responses', 'openai-completions', 'anthropic-messages', 'gemini']),
      )
      .optional()
      .describe(
        'Further protocols it speaks at the same address, so that their clients pass through as they are.',
      ),
    baseUrl: z
      .string()
      .optional()
      .describe(
        'Its address, up to and with the version segment: https://api.example.com/v1. A name that is written here may lead to a private address; that of a built-in address may not.',
      ),
    credential: secretSchema
      .optional()
      .describe('Its key: ${NAME}, os.environ/NAME, file:path, or the text. Default: from the environment.'),
    keys: z
      .array(secretSchema)
      .min(1)
      .max(KEYS_MAX)
      .optional()
      .describe(
        'Several keys of one account in place of credential: each request takes the one that answers soonest.',
      ),
    breaker: z
      .boolean()
      .optional()
      .describe(
        'Whether a model that fails again and again is left in peace for a while, 5 s to 2 min. Default true.',
      ),
    slots: z
      .int()
      .min(1)
      .max(SLOTS_MAX)
      .optional()
      .describe(
        'Requests that each of its models serves at one time, as a local server does; others wait in line.',
      ),
    headers: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, { error: 'is not the name of an HTTP header' }),
        secretSchema,
      )
      .optional()
      .describe('Extra headers on every request to it.'),
    models: z
      .array(
        z.string().min(1, { error: 'is empty: write the name of a model, or leave the line out' }).max(256),
      )
      .max(2_000)
      .optional()
      .describe('Its models, for listing; others can be addressed all the same.'),
    prices: z
      .record(z.string().min(1).max(256), pricesSchema)
      .optional()
      .describe(
        'What its models cost, by name, where that is not published or not what you pay; "*" for all others.',
      ),
    timeouts: timeoutsSchema.optional(),
  })
  .nullable()
  .describe('One provider; {} for a known one with its key in the environment.')

export const providersSchema = z
  .record(
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
      error: 'is not a name for a provider: use up to 64 letters, digits, ".", "_" and "-"',
    }),
    providerSchema,
  )
  .default({})
  .describe('Providers by name. Keys found in the environment add more, unless discover is false.')
