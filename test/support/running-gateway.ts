/** Starts the gateway as a person would, as a process of its own on a free port, and ends it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot } from '../../tools/checks/source-files.ts'

export interface RunningGateway extends AsyncDisposable {
  readonly port: number
  readonly origin: string
  /** The start-up text, and everything printed since. */
  output(): string
}

export const mainFile = join(repositoryRoot, 'src', 'cli', 'main.ts')

/** The environment without anybody's provider keys, so that nothing here can reach a provider. */
export function environmentWithoutKeys(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/_(?:KEY|TOKEN|SECRET|BASE_URL)$/.test(name)),
  )
}

/** Runs `start` until it listens. `config` is the rest of its holdfast.yaml; whatever else this machine runs is not looked for. */
export async function startGateway(config = ''): Promise<RunningGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-gateway-'))
  const configPath = join(folder, 'holdfast.yaml')
  await writeFile(configPath, `listen: 127.0.0.1:0\ndiscover: false\n${config}`)
  const child = spawn(process.execPath, [mainFile, 'start', '--config', configPath], {
    cwd: folder,
    env: environmentWithoutKeys(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  const port = await new Promise<number>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      printed += chunk.toString('utf8')
      const found = /listening on http:\/\/127\.0\.0\.1:(\d+)\s/.exec(printed)?.[1]
      if (found !== undefined) resolve(Number(found))
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.on('error', reject)
    child.on('exit', (code) => reject(new Error(`the gateway ended with ${code}: ${printed}`)))
  })
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    output: () => printed,
    async [Symbol.asyncDispose]() {
      await end(child)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const impatience = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(impatience)
}
