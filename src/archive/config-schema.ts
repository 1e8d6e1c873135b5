/** What the file says of keeping what was asked and answered. */

import { z } from 'zod'
import { byteSizeSchema, durationSchema } from '../std/config-values.ts'

const DAY_MS = 24 * 3_600_000
/** Bodies are kept for so long, ms. */
export const BODIES_TTL_MS = 7 * DAY_MS
/** Bytes of one body that is kept. */
export const BODY_BYTES = 1024 ** 2
/** Bytes of all kept bodies together. */
export const BODIES_BYTES = 1024 ** 3

export const requestsSchema = z
  .strictObject({
    keepBodies: z
      .boolean()
      .default(false)
      .describe(
        'Whether what was asked and answered is kept, sealed, for holdfast replay and holdfast logs show --bodies. A key that says so itself, either way, counts before this. Default false.',
      ),
    bodyBytes: byteSizeSchema({ minBytes: 1024, maxBytes: 16 * 1024 ** 2 })
      .default(BODY_BYTES)
      .describe(
        'The largest body that is kept: a request beyond it is not, and an answer is cut there. Default 1MiB.',
      ),
    ttl: durationSchema({ minMs: 60_000, maxMs: 90 * DAY_MS })
      .default(BODIES_TTL_MS)
      .describe('How long bodies are kept. Default 168h.'),
    bytes: byteSizeSchema({ minBytes: 1024 ** 2, maxBytes: 1024 ** 4 })
      .default(BODIES_BYTES)
      .describe('All kept bodies together; the oldest make room. Default 1GiB.'),
  })
  .prefault({})
  .describe('What is kept of requests beside the books.')

export type RequestsSettings = z.output<typeof requestsSchema>
