/** How long `npm start` takes until the gateway listens. */

import { spawn } from 'node:child_process'
import { performance } from 'node:perf_hooks'
import { repositoryRoot } from '../tools/checks/source-files.ts'
import { toolEnvironment } from '../tools/checks/run-command.ts'
import { holdfastListens, writeHoldfastConfig } from './contestants.ts'
import { stop, untilPrinted } from './processes.ts'
import { median } from './statistics.ts'

export interface StartupResult {
  /** `npm start`, npm's own time included. */
  readonly npmMs: number
  /** The gateway's own share: the same command without npm. */
  readonly nodeMs: number
}

/** Medians over some starts, after one that warms the file cache. */
export async function measureStartup(starts: number): Promise<StartupResult> {
  const times = { npm: [] as number[], node: [] as number[] }
  await timeStart(['node', 'src/cli/main.ts', 'start'])
  for (let at = 0; at < starts; at++) {
    times.npm.push(await timeStart(['npm', 'start', '--']))
    times.node.push(await timeStart(['node', 'src/cli/main.ts', 'start']))
  }
  return { npmMs: median(times.npm), nodeMs: median(times.node) }
}

async function timeStart([file, ...args]: readonly [string, ...string[]]): Promise<number> {
  // The discard port of loopback refuses at once: no upstream is needed to listen.
  const { path, remove } = await writeHoldfastConfig('http://127.0.0.1:9')
  const startMs = performance.now()
  const child = spawn(file, [...args, '--config', path], {
    cwd: repositoryRoot,
    env: toolEnvironment,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await untilPrinted(child, holdfastListens)
  const elapsedMs = performance.now() - startMs
  await stop(child)
  await remove()
  return elapsedMs
}
