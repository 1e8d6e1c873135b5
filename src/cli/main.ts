/** The entry of the command line. It loads as little as it can before it knows that this Node will do. */

import { keepCompiled } from './compile-cache.ts'
import { exitCodes } from './exit-codes.ts'
import { allowsInspector } from './inspector.ts'
import { whyNodeIsTooOld } from './node-version.ts'

const tooOld = whyNodeIsTooOld(process.versions.node)
if (tooOld !== undefined) {
  process.stderr.write(`${tooOld}\n`)
  process.exitCode = exitCodes.environment
} else {
  keepCompiled()
  // Node opens its inspector, and with it all that is in memory, for whoever may send this signal; heard, it does nothing (SEC-28).
  if (!allowsInspector(process.env)) process.on('SIGUSR1', () => undefined)
  const { runProcess } = await import('./run-process.ts')
  await runProcess()
}
