/**
 * `npm test`: the checks, then every test, then one last line `N passed, N failed`. Arguments go to vitest
 * (`npm test -- src/wire`); `--no-check` goes straight to the tests.
 */

import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runChecks } from './checks/all-checks.ts'
import { toolEnvironment } from './checks/run-command.ts'
import { repositoryRoot } from './checks/source-files.ts'
import { countTests, summaryLine, type TestCounts } from './test-counts.ts'

const args = process.argv.slice(2)
const failedChecks = args.includes('--no-check') ? 0 : await runChecks((line) => console.log(line))

if (failedChecks > 0) {
  console.log('The checks above failed, so no test ran; each failed check counts as one failure.')
  finish({ passed: 0, failed: failedChecks, skipped: 0 }, 1)
} else {
  await runTests(args.filter((arg) => arg !== '--no-check'))
}

async function runTests(vitestArgs: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-test-'))
  try {
    const reportPath = join(folder, 'report.json')
    const end = await runVitest(reportPath, vitestArgs)
    const counts = countTests(readReport(reportPath))
    if (counts === undefined) {
      console.log(`vitest crashed before it could report (${end.text}).`)
      finish({ passed: 0, failed: 1, skipped: 0 }, 1)
    } else if (end.code !== 0 && counts.failed === 0) {
      console.log(`vitest failed outside of any test (${end.text}); it counts as one failure.`)
      finish({ ...counts, failed: 1 }, 1)
    } else {
      finish(counts, end.code)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface ProcessEnd {
  readonly code: number
  readonly text: string
}

async function runVitest(reportPath: string, vitestArgs: readonly string[]): Promise<ProcessEnd> {
  const vitest = join(repositoryRoot, 'node_modules', 'vitest', 'vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`]
  const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...vitestArgs], {
    cwd: repositoryRoot,
    env: toolEnvironment,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: 1, text: error.message }))
    child.on('close', (code, signal) =>
      resolve({ code: code ?? 1, text: signal === null ? `exit code ${code}` : `ended by ${signal}` }),
    )
  })
}

function readReport(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

function finish(counts: TestCounts, exitCode: number): void {
  console.log(summaryLine(counts))
  process.exitCode = counts.failed > 0 ? 1 : exitCode
}
