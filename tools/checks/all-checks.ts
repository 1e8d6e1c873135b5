/** The checks that every change passes before its tests run: each is a name and a function that complains or does not. */

import { performance } from 'node:perf_hooks'
import { checkInstalls } from './installs.ts'
import { runCommand } from './run-command.ts'
import { readSourceFiles } from './source-files.ts'
import { guardSources } from './source-guard.ts'

/** What a check found: nothing, or text for a person. */
type Verdict = { readonly isGood: true } | { readonly isGood: false; readonly complaint: string }

interface Check {
  readonly name: string
  run(): Promise<Verdict> | Verdict
}

/** Checks that run at once: type checking and linting use the cores that there are. */
const PARALLEL_CHECKS = 2

const checks: readonly Check[] = [
  { name: 'types', run: () => byCommand('tsc', '--pretty', 'false') },
  { name: 'lint', run: () => byCommand('oxlint', '--type-aware', '--deny-warnings') },
  { name: 'format', run: () => byCommand('biome', 'format', '--max-diagnostics=none', '.') },
  { name: 'unused code', run: () => byCommand('knip', '--no-progress', '--treat-config-hints-as-errors') },
  { name: 'lock files', run: () => byComplaints(checkInstalls()) },
  { name: 'guarded text', run: () => byComplaints(guardSources(readSourceFiles())) },
]

/** Runs every check, prints a line for each as it ends and the whole complaint of those that fail. Returns how many failed. */
export async function runChecks(print: (line: string) => void): Promise<number> {
  const waiting = [...checks]
  let failures = 0
  const work = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const startMs = performance.now()
      const verdict = await check.run()
      print(
        `${verdict.isGood ? 'ok  ' : 'FAIL'} ${check.name.padEnd(14)}${((performance.now() - startMs) / 1000).toFixed(1).padStart(6)} s`,
      )
      if (!verdict.isGood) {
        failures++
        print(verdict.complaint.trimEnd())
      }
    }
  }
  await Promise.all(Array.from({ length: PARALLEL_CHECKS }, work))
  return failures
}

/** Rewrites what the formatter would complain of. */
export async function format(): Promise<void> {
  await runCommand('biome', ['format', '--write', '.'])
}

async function byCommand(name: string, ...args: readonly string[]): Promise<Verdict> {
  const { isGood, output } = await runCommand(name, args)
  return isGood ? { isGood } : { isGood, complaint: output }
}

function byComplaints(complaints: readonly string[]): Verdict {
  return complaints.length === 0 ? { isGood: true } : { isGood: false, complaint: complaints.join('\n') }
}
