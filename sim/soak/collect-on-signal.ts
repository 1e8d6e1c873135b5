/**
 * Loaded into the gateway of a soak: SIGUSR2 has it collect its garbage, so that what is measured is what it keeps, and
 * write how much that is into the file that HOLDFAST_SOAK_HEAP names.
 */

import { writeFileSync } from 'node:fs'

process.on('SIGUSR2', () => {
  globalThis.gc?.()
  const file = process.env['HOLDFAST_SOAK_HEAP']
  if (file !== undefined) writeFileSync(file, JSON.stringify(process.memoryUsage()))
})
