/** What the file says of how much may be in flight. */

import { z } from 'zod'
import { byteSizeSchema } from '../std/config-values.ts'

/** Requests being served at one time. */
export const REQUESTS_IN_FLIGHT = 5_000
/** Request bytes held in memory at one time. */
export const BUFFERED_BYTES = 512 * 1024 ** 2

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
}
