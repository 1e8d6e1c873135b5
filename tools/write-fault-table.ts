/**
 * `npm run faults`: runs every test whose name says the number of a fault, and writes `docs/faults.md`: row, tests, result.
 * Ends with 1 where a row in scope has no test or a failing one. `--report <file>` reads a report of vitest instead of
 * running it.
 */

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toolEnvironment } from './checks/run-command.ts'
import { repositoryRoot } from './checks/source-files.ts'
import { catalogue } from './faults/catalogue.ts'
import { faultPage, isComplaint, proveRows } from './faults/fault-page.ts'
import { NUMBERED, numberedTests } from './faults/numbered-tests.ts'

const PAGE = 'docs/faults.md'

const tests = numberedTests(await readReport(process.argv.slice(2)), repositoryRoot)
const rows = proveRows(catalogue, tests)
writeFileSync(join(repositoryRoot, PAGE), faultPage(rows))

for (const { row, fault, tests: own, result } of rows)
  console.log(`${String(row).padStart(3)}  ${result.padEnd(8)} ${String(own.length).padStart(4)}  ${fault}`)
const complaints = rows.filter(isComplaint)
for (const { row, result } of complaints) console.log(`row ${row} is ${result}`)
console.log(`${PAGE} is written: ${tests.length} numbered tests, ${complaints.length} rows to complain of`)
process.exitCode = complaints.length === 0 ? 0 : 1

async function readReport([flag, given]: readonly string[]): Promise<unknown> {
  if (flag === '--report' && given !== undefined) return JSON.parse(readFileSync(given, 'utf8'))
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-faults-'))
  try {
    const path = join(folder, 'report.json')
    await runVitest(path)
    return JSON.parse(readFileSync(path, 'utf8'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Its exit code says no more than the report does. */
function runVitest(reportPath: string): Promise<void> {
  const vitest = join(repositoryRoot, 'node_modules', 'vitest', 'vitest.mjs')
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${reportPath}`]
  const child = spawn(process.execPath, [vitest, 'run', ...reporters, '-t', NUMBERED], {
    cwd: repositoryRoot,
    env: toolEnvironment,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', () => resolve())
  })
}
