/** What many answers and questions of the admin API have in common: times, money, limits, pages. */

import { z } from '@hono/zod-openapi'
import type { Operation } from '../../canonical/envelope.ts'
import type { KeyScopes, RateLimits } from '../../keys/records.ts'
import { sayLimits, sayMoney, sayTime } from '../../reports/say-records.ts'

export { sayLimits, sayMoney, sayTime, z }

/** Of the filter `key` of a report. */
export const KEY_FILTER =
  'An id: that key alone. A name: every key of its line of rotations, or the key of the file.'

/** Gives a schema a name among the components of the OpenAPI document. */
export function named<Schema extends z.ZodType>(name: string, schema: Schema): Schema {
  // Sound: importing zod-openapi gives every schema this method; its declarations reach zod's CommonJS types alone.
  return (schema as unknown as { openapi(name: string): Schema }).openapi(name)
}

/** Rows of one page: what is checked and written at one time, in about five milliseconds. */
export const PAGE_MAX = 500
const PAGE_DEFAULT = 100

export const idSchema = z.string().max(64)
/** What a name may be is the directory's rule; that somebody pasted a key is noticed before it is kept anywhere. */
export const nameSchema = z
  .string()
  .min(1)
  .max(256)
  .regex(/^(?!.*sk-hf-)/s, 'looks like a key: give it a name')
export const roleSchema = z.enum(['owner', 'admin', 'member', 'viewer'])
export const timeSchema = z.string().meta({ format: 'date-time', example: '2026-01-02T12:00:00.000Z' })

/** A moment as somebody writes it: ISO 8601 with a zone, or a day, which begins at midnight UTC. In ms since 1970. */
export const momentSchema = z
  .union(
    [z.iso.datetime({ offset: true }), z.iso.date()],
    'is a time in ISO 8601: 2026-01-02T12:00:00Z or 2026-01-02',
  )
  .transform((text) => Date.parse(text))
  .meta({ type: 'string', format: 'date-time', example: '2026-01-02T12:00:00Z' })

export const usdSchema = z
  .string()
  .meta({ example: '12.500000000', description: 'US dollars, nine decimals.' })
export const nanoUsdSchema = z.int().meta({ description: 'Billionths of a US dollar.' })

export const pageQuery = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(PAGE_MAX)
    .default(PAGE_DEFAULT)
    .meta({ description: 'Rows of a page.' }),
  cursor: z.string().min(1).max(512).optional().meta({ description: 'The "next" of the page before.' }),
}

export const formatQuery = {
  format: z.enum(['json', 'csv']).optional().meta({ description: 'As the header "accept: text/csv" does.' }),
}

/** Rows of a list as a table: more can be had with the cursor in `x-next-cursor`. */
export const TABLE_ROWS_MAX = 10_000

/** Of a list that can be had as a table too, whose pages are longer. */
export const tableQuery = {
  ...pageQuery,
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(TABLE_ROWS_MAX)
    .default(PAGE_DEFAULT)
    .meta({ description: `Rows of a page, at most ${PAGE_MAX} as JSON.` }),
  ...formatQuery,
}

/** How many rows a page of `tableQuery` may have. */
export function tableRowsMax({ limit }: { readonly limit: number }, isTable: boolean): number {
  return isTable ? limit : Math.min(limit, PAGE_MAX)
}

export function pageOf<Row extends z.ZodType>(row: Row) {
  return z.object({ data: z.array(row), next: z.string().nullable() })
}

const limitSchema = z.int().min(1).max(1_000_000_000_000).optional()
export const limitsSchema = named(
  'RateLimits',
  z.strictObject({
    requests_per_minute: limitSchema,
    input_tokens_per_minute: limitSchema,
    output_tokens_per_minute: limitSchema,
    tokens_per_minute: limitSchema,
    concurrent_requests: limitSchema,
  }),
)

const OPERATIONS = [
  'chat',
  'count-tokens',
  'embeddings',
  'moderations',
  'rerank',
  'image-generation',
  'image-edit',
  'image-variation',
  'speech',
  'transcription',
  'audio-translation',
  'files',
  'batches',
] as const satisfies readonly Operation[]

const scopeNames = z.array(z.string().min(1).max(200)).max(100).optional()
export const scopesSchema = named(
  'KeyScopes',
  z
    .strictObject({
      routes: scopeNames,
      models: scopeNames,
      operations: z.array(z.enum(OPERATIONS)).optional(),
    })
    .meta({ description: 'Absent: everything. A name of a route or a model may end in "*".' }),
)

export function moneyFields<Name extends string>(name: Name) {
  // Sound: the two names that the keys are made of.
  return { [`${name}_usd`]: usdSchema.nullable(), [`${name}_nano_usd`]: nanoUsdSchema.nullable() } as {
    [Key in `${Name}_usd`]: z.ZodNullable<typeof usdSchema>
  } & { [Key in `${Name}_nano_usd`]: z.ZodNullable<typeof nanoUsdSchema> }
}

export function readLimits(limits: z.output<typeof limitsSchema>): RateLimits {
  return withoutAbsent({
    requestsPerMinute: limits.requests_per_minute,
    inputTokensPerMinute: limits.input_tokens_per_minute,
    outputTokensPerMinute: limits.output_tokens_per_minute,
    tokensPerMinute: limits.tokens_per_minute,
    concurrentRequests: limits.concurrent_requests,
  })
}

export function readScopes(scopes: z.output<typeof scopesSchema>): KeyScopes {
  return withoutAbsent(scopes)
}

type Present<Fields> = { readonly [Name in keyof Fields]?: Exclude<Fields[Name], undefined> }

/** Without the fields that are `undefined`: parsers leave them, and records do not know them. */
export function withoutAbsent<Fields extends object>(fields: Fields): Present<Fields> {
  // Sound: what is left out is exactly what the type leaves out.
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Present<Fields>
}
