/** Runs what a document says in a shell, in a folder, as its reader would: `holdfast` and `curl` are there. */

import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { repositoryRoot } from '../../tools/checks/source-files.ts'
import { environmentWithoutKeys, mainFile } from './running-gateway.ts'

export interface ShellEnd {
  readonly code: number
  readonly stdout: string
  /** Both outputs. */
  readonly output: string
}

export interface GuideShell extends Disposable {
  /** A script that ends at the first command that fails. */
  run(script: string, cwd: string): Promise<ShellEnd>
}

/** Many programs, each of which loads all of the gateway, on a machine that has other work. */
export const GUIDE_TIMEOUT_MS = 240_000

export function openGuideShell(): GuideShell {
  const tools = mkdtempSync(join(tmpdir(), 'holdfast-guide-'))
  const install = (name: string, file: string) => {
    writeFileSync(join(tools, name), `#!/bin/sh\nexec "${process.execPath}" "${file}" "$@"\n`)
    chmodSync(join(tools, name), 0o755)
  }
  install('curl', join(repositoryRoot, 'test', 'support', 'curl.ts'))
  install('holdfast', mainFile)
  const env = {
    ...environmentWithoutKeys(),
    NO_COLOR: '1',
    PATH: `${tools}${delimiter}${process.env['PATH'] ?? ''}`,
  }
  return {
    run: (script, cwd) =>
      new Promise((resolve) => {
        execFile(
          'sh',
          ['-c', `set -e\n${script}`],
          { cwd, env, timeout: GUIDE_TIMEOUT_MS },
          (error, stdout, stderr) => {
            const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
            resolve({ code, stdout, output: stdout + stderr })
          },
        )
      }),
    [Symbol.dispose]: () => rmSync(tools, { recursive: true, force: true }),
  }
}
