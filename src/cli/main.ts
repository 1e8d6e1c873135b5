/** The entry of the command line. It loads as little as it can before it knows that this Node will do. */

import { enableCompileCache } from 'node:module'
import { exitCodes } from './exit-codes.ts'
import { whyNodeIsTooOld } from './node-version.ts'

const tooOld = whyNodeIsTooOld(process.versions.node)
if (tooOld !== undefined) {
  process.stderr.write(`${tooOld}\n`)
  process.exitCode = exitCodes.environment
} else {
  enableCompileCache()
  const { runProcess } = await import('./run-process.ts')
  await runProcess()
}
