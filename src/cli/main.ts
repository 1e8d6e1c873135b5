/** The entry of the command line. It loads as little as it can before it knows that this Node will do. */

import { enableCompileCache } from 'node:module'
import { exitCodes } from './exit-codes.ts'
import { allowsInspector } from './inspector.ts'
import { whyNodeIsTooOld } from './node-version.ts'

const tooOld = whyNodeIsTooOld(process.versions.node)
if (tooOld !== undefined) {
  process.stderr.write(`${tooOld}\n`)
  process.exitCode = exitCodes.environment
} else {
  const { directory } = enableCompileCache()
  // Threads of ours have it by the environment alone.
  if (directory !== undefined) process.env['NODE_COMPILE_CACHE'] ??= directory
  // Node opens its inspector, and with it all that is in memory, for whoever may send this signal; heard, it does nothing (SEC-28).
  if (!allowsInspector(process.env)) process.on('SIGUSR1', () => undefined)
  const { runProcess } = await import('./run-process.ts')
  await runProcess()
}
