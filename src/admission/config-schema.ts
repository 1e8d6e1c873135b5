/** What the file says of how much may be in flight. */

import { z } from 'zod'
import { byteSizeSchema, durationSchema } from '../std/config-values.ts'

/** Requests being served at one time. */
export const REQUESTS_IN_FLIGHT = 5_000
/** Request bytes held in memory at one time. */
export const BUFFERED_BYTES = 512 * 1024 ** 2
/** How late the event loop may run before new requests are turned away, ms. */
export const EVENT_LOOP_LAG_MS = 200

export const admissionLimitsShape = {
  requestsInFlight: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(REQUESTS_IN_FLIGHT)
    .describe(
      'Requests served at one time; more are refused with 503 before their body is read. Default 5000.',
    ),
  bufferedBytes: byteSizeSchema({ minBytes: 1024 ** 2, maxBytes: 64 * 1024 ** 3 })
    .default(BUFFERED_BYTES)
    .describe('Bytes of requests held in memory at one time. Default 512MiB.'),
  eventLoopLag: durationSchema({ minMs: 20, maxMs: 60_000 })
    .default(EVENT_LOOP_LAG_MS)
    .describe(
      'A process that is behind with its work by more than this for a whole second takes no new requests beyond 64 until it has caught up. Default 200ms.',
    ),
}
