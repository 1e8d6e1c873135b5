/** What the file says of routes. */

import { z } from 'zod'
import { ATTEMPTS_MAX, DEADLINE_MS, RETRIES } from '../resilience/timers.ts'
import { durationSchema } from '../std/config-values.ts'

/** Targets of one route, other routes in it counted out. */
export const TARGETS_MAX = 32

const routeSchema = z
  .strictObject({
    targets: z
      .array(z.string().min(1, { error: 'is empty: write provider/model' }))
      .min(1)
      .max(TARGETS_MAX)
      .describe('What serves the route, best first: provider/model, or the name of another route.'),
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
