/** Starts the processes of the bench on the cores they belong to, and reads from /proc what they cost. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { toolEnvironment } from '../tools/checks/run-command.ts'

/** The gateway under test has one core for itself; load and upstream share the other. */
export type Core = 'gateway' | 'load'

/** The kernel counts CPU time for user space in hundredths of a second, on every architecture that Node runs on. */
const TICK_US = 10_000
const coreNumbers: Readonly<Record<Core, string>> = { gateway: '0', load: '1' }

/** Whether processes can be pinned and their CPU time read here. */
export const canPin = spawnSync('taskset', ['--version']).status === 0
export const canReadCpu = process.platform === 'linux'

export interface StartOptions {
  readonly core: Core
  readonly command: readonly [string, ...string[]]
  readonly environment?: NodeJS.ProcessEnv
  readonly cwd?: string
  readonly hasMessages?: boolean
}

/** Starts a process pinned to its core; its standard output can be read, and its complaints are shown. */
export function startPinned(options: StartOptions): ChildProcess {
  const [file, ...args] = canPin
    ? (['taskset', '-c', coreNumbers[options.core], ...options.command] as const)
    : options.command
  const child = spawn(file, args, {
    env: { ...toolEnvironment, ...options.environment },
    stdio:
      options.hasMessages === true ? ['ignore', 'ignore', 'inherit', 'ipc'] : ['ignore', 'pipe', 'inherit'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  return child
}

/** Waits until a process has printed what the pattern finds; keeps reading afterwards, so that it never blocks. */
export async function untilPrinted(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    let isFound = false
    child.stdout?.on('data', (chunk: Buffer) => {
      if (isFound) return
      printed += chunk.toString('utf8')
      const match = pattern.exec(printed)
      if (match === null) return
      isFound = true
      resolve(match[1] ?? match[0])
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`a process of the bench ended with ${code}: ${printed}`)))
  })
}

/** Ends a process and waits for it. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const impatience = setTimeout(() => child.kill('SIGKILL'), 3_000)
  await gone
  clearTimeout(impatience)
}

/** CPU time that a process, its living children and those it has waited for have used, user and system together, µs. */
export function cpuTimeUs(pid: number): number {
  return withChildren(pid).reduce((sum, each) => sum + ownTicks(each), 0) * TICK_US
}

/** Resident memory of a process and its living children, bytes. */
export function residentBytes(pid: number): number {
  return withChildren(pid).reduce((sum, each) => {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(textOf(`/proc/${each}/status`))?.[1]
    return sum + Number(kib ?? 0) * 1_024
  }, 0)
}

function ownTicks(pid: number): number {
  const stat = textOf(`/proc/${pid}/stat`)
  // The second field is the program's name in brackets and may hold spaces; utime and stime are fields 14 and 15, and
  // the same of children that are gone follows them.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0)
}

function withChildren(pid: number): readonly number[] {
  const children = tasksOf(pid).flatMap((task) =>
    textOf(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children.flatMap(withChildren)]
}

/** A process, or a thread of one, may end between being seen and being asked: a database starts and ends them as it likes. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function tasksOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}
