/** What the file says of the server's own side. */

import { z } from 'zod'
import { byteSizeSchema } from '../std/config-values.ts'

/** Where the gateway listens unless told otherwise. */
export const LISTEN_HOST = '127.0.0.1'
export const LISTEN_PORT = 4141
/** Largest request body, bytes. */
export const BODY_BYTES = 32 * 1024 ** 2

export const listenSchema = z
  .union([z.string(), z.number()])
  .default(`${LISTEN_HOST}:${LISTEN_PORT}`)
  .describe('Address to listen on, host:port. Beyond loopback, client keys are required.')
  .meta({ examples: ['127.0.0.1:4141', '0.0.0.0:4141', '[::1]:4141'] })

export const httpLimitsShape = {
  bodyBytes: byteSizeSchema({ minBytes: 1024, maxBytes: 1024 ** 3 })
    .default(BODY_BYTES)
    .describe('Largest request body that is read. Default 32MiB.'),
}
