/** Starts the gateway as a person would, as a process of its own on a free port, and ends it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
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

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('the system gave no port')
  return address.port
}

/** Runs `start` until it listens. `config` follows the listen line in its holdfast.yaml. */
export async function startGateway(config = ''): Promise<RunningGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-gateway-'))
  const port = await freePort()
  const configPath = join(folder, 'holdfast.yaml')
  await writeFile(configPath, `listen: 127.0.0.1:${port}\n${config}`)
  const child = spawn(process.execPath, [mainFile, 'start', '--config', configPath], {
    cwd: folder,
    env: environmentWithoutKeys(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let printed = ''
  const origin = `http://127.0.0.1:${port}`
  await new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      printed += chunk.toString('utf8')
      if (printed.includes(origin)) resolve()
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.on('error', reject)
    child.on('exit', (code) => reject(new Error(`the gateway ended with ${code}: ${printed}`)))
  })
  return {
    port,
    origin,
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
