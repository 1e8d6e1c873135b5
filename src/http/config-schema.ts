/** What the file says of the server's own side. */

import { z } from 'zod'
import { byteSizeSchema, durationSchema } from '../std/config-values.ts'

/** Where the gateway listens unless told otherwise. */
export const LISTEN_HOST = '127.0.0.1'
export const LISTEN_PORT = 4141
/** Largest request body, bytes. */
export const BODY_BYTES = 32 * 1024 ** 2
/** Largest form (a file to keep, sound to transcribe), bytes. */
export const FORM_BYTES = 512 * 1024 ** 2
/** Open connections of one client address: half of all, and twice the requests that are served at one time. */
export const CONNECTIONS_PER_ADDRESS = 10_000
/** How long a gateway told to stop still accepts requests, ms. */
export const SHUTDOWN_WAIT_MS = 0
/** How long running requests may go on after that, ms. */
export const SHUTDOWN_DRAIN_MS = 120_000

export const listenSchema = z
  .union([z.string(), z.number()])
  .default(`${LISTEN_HOST}:${LISTEN_PORT}`)
  .describe('Address to listen on, host:port. Beyond loopback, client keys are required.')
  .meta({ examples: ['127.0.0.1:4141', '0.0.0.0:4141', '[::1]:4141'] })

export const tlsSchema = z
  .strictObject({
    cert: z
      .string()
      .min(1)
      .describe(
        'File of the certificate and of those that lead from it to an authority, PEM: fullchain.pem.',
      ),
    key: z.string().min(1).describe('File of its private key, PEM, without a passphrase: privkey.pem.'),
  })
  .optional()
  .describe(
    'Speak TLS (1.2 or 1.3) to clients, with this certificate; paths are from the folder of this file. Replaced files count within seconds, and no connection is closed for them. Default: plain HTTP.',
  )

/** Where the admin listener is unless told otherwise. */
export const ADMIN_PORT = 4142

export const adminSchema = z
  .union(
    [
      z.literal(false),
      z.strictObject({
        listen: z
          .union([z.string(), z.number()])
          .optional()
          .describe(
            'Address of the admin listener, host:port; loopback only. Default 127.0.0.1:4142, or none where that is taken.',
          )
          .meta({ examples: ['127.0.0.1:4142', 4142] }),
      }),
    ],
    'must be false, or hold the one field "listen"',
  )
  .prefault({})
  .describe(
    'The listener for those who run the gateway: the admin API (/api/v1), which asks everybody who they are, and /status, /explain/{request-id}, /metrics, /healthz, /readyz, which are open. false for none.',
  )

export const httpLimitsShape = {
  bodyBytes: byteSizeSchema({ minBytes: 1024, maxBytes: 1024 ** 3 })
    .default(BODY_BYTES)
    .describe('Largest request body that is read. Default 32MiB.'),
  formBytes: byteSizeSchema({ minBytes: 1024, maxBytes: 64 * 1024 ** 3 })
    .default(FORM_BYTES)
    .describe(
      'Largest multipart form that is taken: files, sound, pictures. Kept on disk meanwhile. Default 512MiB.',
    ),
  connectionsPerAddress: z
    .union([z.literal(false), z.int().min(1).max(1_000_000)], {
      error: 'must be a number from 1 to 1000000, or false',
    })
    .default(CONNECTIONS_PER_ADDRESS)
    .describe(
      'Open connections of one client address, of the 20000 that there may be; further ones are closed. An IPv6 network of 64 bits counts as one address. Where all clients come through one proxy or balancer, false: no bound of its own. Default 10000.',
    ),
}

export const shutdownSchema = z
  .strictObject({
    wait: durationSchema({ minMs: 0, maxMs: 600_000 })
      .default(SHUTDOWN_WAIT_MS)
      .describe(
        'After SIGTERM or SIGINT: how long /readyz already says 503 while requests are still accepted, so that load balancers can turn away. Default 0s.',
      ),
    drain: durationSchema({ minMs: 0, maxMs: 24 * 3_600_000 })
      .default(SHUTDOWN_DRAIN_MS)
      .describe(
        'After that: how long running requests may go on before they are ended with an error of their own dialect. Default 2m.',
      ),
  })
  .prefault({})
  .describe('How the gateway comes to rest.')
