/** Runs one command of the project's own toolchain on the pinned Node and keeps what it says. */

import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'
import { repositoryRoot } from './source-files.ts'

export interface CommandResult {
  readonly isGood: boolean
  /** Standard output and error as they came. */
  readonly output: string
}

const binaries = join(repositoryRoot, 'node_modules', '.bin')

/** The environment of child processes: the repository's Node and tools come before the machine's. */
export const toolEnvironment: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${binaries}${delimiter}${process.env['PATH'] ?? ''}`,
}

/** Tools disagree on what FORCE_COLOR=0 means; all of them heed NO_COLOR when it is alone. */
const plainEnvironment: NodeJS.ProcessEnv = { ...toolEnvironment, NO_COLOR: '1' }
delete plainEnvironment['FORCE_COLOR']

/** Runs a tool from node_modules/.bin to its end. */
export async function runCommand(name: string, args: readonly string[]): Promise<CommandResult> {
  const child = spawn(join(binaries, name), args, {
    cwd: repositoryRoot,
    env: plainEnvironment,
    shell: process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
  return new Promise((resolve) => {
    child.on('error', (error) =>
      resolve({ isGood: false, output: `${name} did not start: ${error.message}` }),
    )
    child.on('close', (code, signal) => {
      const text = Buffer.concat(chunks).toString('utf8')
      resolve({
        isGood: code === 0,
        output: signal === null ? text : `${text}\n${name} was ended by ${signal}`,
      })
    })
  })
}
