/** What the file says of answers from providers. */

import { byteSizeSchema } from '../std/config-values.ts'

/** Largest answer read from a provider, bytes. */
export const RESPONSE_BYTES = 256 * 1024 ** 2

export const upstreamLimitsShape = {
  responseBytes: byteSizeSchema({ minBytes: 64 * 1024, maxBytes: 4 * 1024 ** 3 })
    .default(RESPONSE_BYTES)
    .describe('Largest answer that is read from a provider. Default 256MiB.'),
}
