/**
 * `npm run check`: format, lint, types, unused code, the lock file and the guarded text, in one command. The house itself
 * is kept by test/house.test.ts. With `--fix` the formatter rewrites first.
 */

import { format, runChecks } from './checks/all-checks.ts'

if (process.argv.includes('--fix')) await format()
const failures = await runChecks((line) => console.log(line))
if (failures > 0) console.log(`${failures} ${failures === 1 ? 'check' : 'checks'} failed`)
process.exitCode = failures === 0 ? 0 : 1
