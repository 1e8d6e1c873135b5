/** What the file says of client keys. */

import { z } from 'zod'
import { secretSchema } from '../std/config-values.ts'

export const keysSchema = z
  .array(
    z
      .strictObject({
        name: z
          .string()
          .regex(/^[A-Za-z0-9][A-Za-z0-9._ -]{0,63}$/, {
            error: 'is not a name for a key: use up to 64 letters, digits, spaces, ".", "_" and "-"',
          })
          .describe('What logs and reports call the holder of this key.'),
        key: secretSchema.describe(
          'The key itself, at least 16 characters: ${NAME}, os.environ/NAME, file:path, or the text.',
        ),
      })
      .describe('One client key.'),
  )
  .max(10_000)
  .default([])
  .describe(
    'Keys that clients must present, as "Authorization: Bearer", "x-api-key" or "api-key". Without any, only loopback may be listened on.',
  )
