/** The gateway as an operator has it: a process of its own with a file, a log on its standard output, and signals. */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { onTestFinished } from 'vitest'
import { isJsonObject, parseJson } from '../../src/std/json.ts'
import { environmentWithoutKeys, mainFile } from './running-gateway.ts'

export type LogLine = Readonly<Record<string, unknown>>

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly atMs: number
}

export interface ProcessOptions {
  /** YAML text, or an object, which is written as JSON. */
  readonly config?: string | object
  /** Default `start`. */
  readonly command?: string
  /** Words after the command; by default what makes `start` listen on any port and announce itself in JSON. */
  readonly words?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly nodeArguments?: readonly string[]
  /** Puts further files into the folder it runs in. */
  readonly prepare?: (folder: string) => void
  /** Limit of open files. */
  readonly descriptors?: number
}

export interface GatewayProcess extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly adminUrl: string
  readonly child: ChildProcess & { readonly stdout: Readable; readonly stderr: Readable }
  readonly folder: string
  readonly configPath: string
  /** From the spawning to the announcement. */
  readonly startMs: number
  /** Lines of standard output that are JSON, the announcement first. */
  readonly lines: readonly LogLine[]
  /** Everything on standard output and standard error. */
  printed(): string
  /** Waits for a line that has all of these fields. */
  line(wanted: LogLine): Promise<LogLine>
  linesLike(wanted: LogLine): readonly LogLine[]
  /** Writes the file in place. */
  write(config: string | object): void
  /** Puts another file in its place, as most editors do. */
  replace(config: string | object): void
  kill(signal: NodeJS.Signals): void
  readonly exited: Promise<Exit>
}

const START_WORDS = ['--json', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']

/** Starts it and waits until it listens; rejects with all it said where it ends instead. */
export async function startProcess(options: ProcessOptions = {}): Promise<GatewayProcess> {
  const spawned = spawnGateway({ ...options, words: options.words ?? START_WORDS })
  const first = await spawned.line({ type: 'listening' }).catch(async (error: unknown) => {
    await spawned[Symbol.asyncDispose]()
    throw error
  })
  const url = String(first['url'])
  return Object.assign(spawned, {
    url,
    port: Number(new URL(url).port),
    adminUrl: String(first['adminUrl']),
    startMs: performance.now() - spawned.spawnedAtMs,
  })
}

/** Answers by itself: no provider, the simulator inside. */
export const simulated = { discover: false }

/** As `startProcess`, with the simulator inside, and closed with the test. */
export async function startSimulated(options: ProcessOptions = {}): Promise<GatewayProcess> {
  const gateway = await startProcess({ config: simulated, ...options })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  return gateway
}

/** Runs a command to its end. */
export async function runToEnd(options: ProcessOptions): Promise<{
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}> {
  await using spawned = spawnGateway(options)
  let stdout = ''
  let stderr = ''
  spawned.child.stdout.on('data', (chunk: Buffer) => void (stdout += chunk.toString()))
  spawned.child.stderr.on('data', (chunk: Buffer) => void (stderr += chunk.toString()))
  const { code } = await spawned.exited
  return { code, stdout, stderr }
}

function spawnGateway(options: ProcessOptions) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-process-'))
  const configPath = join(folder, 'holdfast.yaml')
  const write = (config: string | object) => writeFileSync(configPath, textOf(config))
  if (options.config !== undefined) write(options.config)
  options.prepare?.(folder)
  const lines: LogLine[] = []
  let printed = ''
  const spawnedAtMs = performance.now()
  const child = spawnNode(options, folder, configPath)
  let rest = ''
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      const value = parseJson(part)
      if (isJsonObject(value)) lines.push(value)
    }
  })
  child.stderr.on('data', (chunk: Buffer) => void (printed += chunk.toString()))
  const watchers = new Set<() => void>()
  const wake = () => {
    for (const watcher of watchers) watcher()
  }
  child.stdout.on('data', wake)
  let isOver = false
  const exited = new Promise<Exit>((resolve) => {
    // After the streams have given all they hold.
    child.on('close', (code, signal) => {
      isOver = true
      wake()
      resolve({ code, signal, atMs: performance.now() })
    })
  })
  const linesLike = (wanted: LogLine) => lines.filter((line) => matches(line, wanted))
  return {
    spawnedAtMs,
    child,
    folder,
    configPath,
    lines,
    exited,
    linesLike,
    printed: () => printed,
    line: (wanted: LogLine) =>
      new Promise<LogLine>((resolve, reject) => {
        const look = () => {
          const [found] = linesLike(wanted)
          if (found !== undefined) resolve(found)
          else if (!isOver) return
          else reject(new Error(`it ended without the line ${JSON.stringify(wanted)}: ${printed}`))
          watchers.delete(look)
        }
        watchers.add(look)
        look()
      }),
    write,
    replace(config: string | object) {
      writeFileSync(`${configPath}.new`, textOf(config))
      renameSync(`${configPath}.new`, configPath)
    },
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function spawnNode(
  { command = 'start', config, words = [], env, nodeArguments = [], descriptors }: ProcessOptions,
  folder: string,
  configPath: string,
) {
  const file = config === undefined ? [] : ['--config', configPath]
  const all = [process.execPath, ...nodeArguments, mainFile, command, ...file, ...words]
  const [program = '', ...rest] =
    descriptors === undefined ? all : ['sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh', ...all]
  return spawn(program, rest, {
    cwd: folder,
    env: { ...environmentWithoutKeys(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

function textOf(config: string | object): string {
  return typeof config === 'string' ? config : JSON.stringify(config, undefined, 2)
}

function matches(line: LogLine, wanted: LogLine): boolean {
  return Object.entries(wanted).every(([name, value]) => line[name] === value)
}
