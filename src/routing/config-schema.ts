/** What the file says of routes. */

import { z } from 'zod'
import { routeCacheSchema } from '../cache/config-schema.ts'
import { HEDGE_SPEND_SHARE } from '../resilience/spend-budget.ts'
import { ATTEMPTS_MAX, DEADLINE_MS, RETRIES } from '../resilience/timers.ts'
import { durationSchema, shareSchema } from '../std/config-values.ts'
import { CONDITION_LENGTH_MAX } from './condition.ts'

/** Targets of one route, other routes in it counted out. */
export const TARGETS_MAX = 32
/** How deep groups stand in groups. */
export const GROUP_DEPTH_MAX = 8
/** A hedge waits at least so long where the file does not say, ms. */
const HEDGE_AFTER_MS = 1_000
const WEIGHT_MAX = 1_000_000

const balanceSchema = z.enum(['weighted', 'latency', 'cheapest', 'affinity'])

const nameSchema = z.string().min(1, { error: 'is empty: write provider/model' })

const groupSchema = z
  .strictObject({
    target: nameSchema.optional().describe('One target or route, where it needs a weight or a condition.'),
    get targets() {
      return targetsSchema.optional().describe('The members of a group.')
    },
    balance: balanceSchema
      .optional()
      .describe(
        'How one of the group is chosen. weighted: by chance, by weight; latency: the quicker to its first token of two drawn; cheapest: by published prices; affinity: by caller and beginning of the prompt, for warm prompt caches. Default: in order.',
      ),
    weight: z
      .number()
      .min(0)
      .max(WEIGHT_MAX)
      .optional()
      .describe(
        'Its share in a group that is weighted or has affinity; 0: only when all others failed. Default 1.',
      ),
    when: z
      .string()
      .max(CONDITION_LENGTH_MAX)
      .optional()
      .describe("Counts only for requests of which this holds, in CEL: 'request.inputTokens > 100000'."),
  })
  .describe('Targets of which one is chosen, or that count only for some requests.')

const entrySchema = z
  .union([nameSchema, groupSchema], {
    error: 'must be provider/model, the name of a route, or a group: targets, and balance or when',
  })
  .meta({ id: 'entry' })

/** The targets of a route or of a group, as written. */
export type TargetEntry = string | GroupEntry

export interface GroupEntry {
  readonly target?: string | undefined
  readonly targets?: readonly TargetEntry[] | undefined
  readonly balance?: z.output<typeof balanceSchema> | undefined
  readonly weight?: number | undefined
  readonly when?: string | undefined
}

const targetsSchema: z.ZodArray<z.ZodType<TargetEntry, TargetEntry>> = z
  .array(entrySchema)
  .min(1)
  .max(TARGETS_MAX)

const hedgeSchema = z
  .union(
    [
      z.boolean(),
      z.strictObject({
        after: durationSchema({ minMs: 10, maxMs: 600_000 })
          .default(HEDGE_AFTER_MS)
          .describe('The first target is waited for alone at least so long. Default 1s.'),
        share: shareSchema({ minPercent: 0.1, maxPercent: 100 })
          .default(HEDGE_SPEND_SHARE)
          .describe('What hedges may cost, of what the route spends. Default 2%.'),
      }),
    ],
    { error: 'must be true, false, or {after: 1s, share: 2%}' },
  )
  .transform((hedge) => {
    if (hedge === false) return undefined
    return hedge === true ? { after: HEDGE_AFTER_MS, share: HEDGE_SPEND_SHARE } : hedge
  })

const routeSchema = z
  .strictObject({
    targets: targetsSchema.describe(
      'What serves the route, best first: provider/model, the name of another route, or a group.',
    ),
    balance: balanceSchema
      .optional()
      .describe('How one of the targets is chosen, as in a group. Default: in order.'),
    deadline: durationSchema({ minMs: 1_000, maxMs: 24 * 3_600_000 })
      .default(DEADLINE_MS)
      .describe('Limit over everything that is done for one request. Default 10m.'),
    retries: z
      .int()
      .min(0)
      .max(ATTEMPTS_MAX - 1)
      .default(RETRIES)
      .describe('Second tries for one request, over all targets. Default 2.'),
    strict: z
      .boolean()
      .default(false)
      .describe('Refuse rather than leave out what a target cannot express. Default false.'),
    cache: routeCacheSchema.optional(),
    hedge: hedgeSchema
      .optional()
      .describe('Begin a second attempt elsewhere beside one that is slow to say anything. Default false.'),
    rescue: z
      .enum(['off', 'safe', 'full'])
      .default('safe')
      .describe(
        'What becomes of a stream that dies half-way: off: an error; safe: it goes on where it can without a break; full: a model is told to go on from there. Default safe.',
      ),
    policyFallback: z
      .boolean()
      .default(false)
      .describe("Whether a refusal by a provider's content policy goes to the next target. Default false."),
    explain: z
      .boolean()
      .default(false)
      .describe(
        'Keep of every request why it went as it did, as x-holdfast-explain asks of one. Default false.',
      ),
  })
  .describe('One route.')

export const routesSchema = z
  .record(
    z.string().regex(/^[\x21-\x7e]{1,128}$/, {
      error: 'is not a name for a route: use up to 128 printable ASCII characters without spaces',
    }),
    routeSchema,
  )
  .default({})
  .describe('Public model names and what serves them. Any model can also be addressed as provider/model.')
