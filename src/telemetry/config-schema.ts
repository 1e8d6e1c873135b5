/** What the file says of logging. */

import { z } from 'zod'

export const logSchema = z
  .strictObject({
    level: z
      .enum(['debug', 'info', 'warn', 'error', 'silent'])
      .default('info')
      .describe('How much is logged. Default info.'),
    format: z
      .enum(['json', 'pretty'])
      .optional()
      .describe(
        'One JSON object a line, or lines for people. Default: pretty on a terminal, json elsewhere.',
      ),
  })
  .prefault({})
  .describe('Logging.')
