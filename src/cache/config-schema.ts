/** What the file says of the cache: of all of it, and of one route. */

import { z } from 'zod'
import { byteSizeSchema, durationSchema } from '../std/config-values.ts'

/** An answer is given again for so long where nothing else is said, ms. */
export const CACHE_TTL_MS = 3_600_000
/** The longest that a request may ask for where nothing else is said, ms. */
export const CACHE_TTL_MAX_MS = 7 * 24 * 3_600_000
/** Bytes of one answer that is kept. */
export const CACHE_ANSWER_BYTES = 4 * 1024 ** 2
/** Bytes of answers in memory. */
export const CACHE_MEMORY_BYTES = 64 * 1024 ** 2
/** Bytes of answers in the store. */
export const CACHE_BYTES = 1024 ** 3
/** How alike two questions must be: the cosine of their embeddings. */
export const SIMILARITY_MIN = 0.95

const ttlSchema = durationSchema({ minMs: 1_000, maxMs: 30 * 24 * 3_600_000 })

const semanticSchema = z
  .strictObject({
    embeddings: z
      .string()
      .min(1, { error: 'is empty: write a route or provider/model that makes embeddings' })
      .describe('The route or provider/model that the last user message is embedded with.'),
    similarity: z
      .number()
      .min(0.5)
      .max(1)
      .default(SIMILARITY_MIN)
      .describe('How alike two questions must be, as the cosine of their embeddings. Default 0.95.'),
    verify: z
      .string()
      .min(1)
      .optional()
      .describe(
        'A route or provider/model that is asked whether two questions ask the same, where their words differ. Default: only questions in the same words, fillers aside, share an answer.',
      ),
  })
  .describe('Answers questions that ask the same in other words. Off unless it stands here.')

const policySchema = z.strictObject({
  ttl: ttlSchema.default(CACHE_TTL_MS).describe('How long an answer is given again. Default 1h.'),
  ttlMax: ttlSchema
    .default(CACHE_TTL_MAX_MS)
    .describe('The longest that a request may ask for. Default 168h.'),
  semantic: semanticSchema.optional(),
})

/** Of a route: `true`, `false`, or how. */
export const routeCacheSchema = z
  .union([z.boolean(), policySchema], { error: 'must be true, false, or a mapping: ttl, ttlMax, semantic' })
  .describe('Whether answers of this route are given again to the same client key for the same request.')

export const cacheSchema = z
  .strictObject({
    default: routeCacheSchema
      .default(false)
      .describe('For routes that say nothing of it themselves. Default false.'),
    onRequest: z
      .boolean()
      .default(true)
      .describe('Whether a request may ask for it by header where its route does not. Default true.'),
    answerBytes: byteSizeSchema({ minBytes: 1024, maxBytes: 64 * 1024 ** 2 })
      .default(CACHE_ANSWER_BYTES)
      .describe('The largest answer that is kept. Default 4MiB.'),
    memoryBytes: byteSizeSchema({ minBytes: 1024 ** 2, maxBytes: 16 * 1024 ** 3 })
      .default(CACHE_MEMORY_BYTES)
      .describe('Answers held in memory, in front of the store. Default 64MiB.'),
    bytes: byteSizeSchema({ minBytes: 1024 ** 2, maxBytes: 1024 ** 4 })
      .default(CACHE_BYTES)
      .describe('Answers in the store; the oldest make room. Default 1GiB.'),
  })
  .prefault({})
  .describe('Answers that are given again for the same request.')

export type CacheSettings = z.output<typeof cacheSchema>
export type CachePolicy = z.output<typeof policySchema>
export type SemanticPolicy = z.output<typeof semanticSchema>

/** What holds for a route: what it says itself, else the default; `undefined` where nothing is cached unasked. */
export function cachePolicyOf(
  route: z.output<typeof routeCacheSchema> | undefined,
  settings: Pick<CacheSettings, 'default'>,
): CachePolicy | undefined {
  const said = route ?? settings.default
  if (said === false) return undefined
  return said === true ? DEFAULT_POLICY : said
}

export const DEFAULT_POLICY: CachePolicy = policySchema.parse({})
