/** One run of the real gateway over a folder that outlives it: started, told where to die, waited for. */

import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { isJsonObject, parseJson } from '../../src/std/json.ts'
import { repositoryRoot } from '../../tools/checks/source-files.ts'

export interface GatewayRun {
  readonly pid: number
  /** Where it listens; `undefined` where it ended before it did. */
  readonly addresses: { readonly url: string; readonly adminUrl: string } | undefined
  readonly hasEnded: boolean
  readonly exited: Promise<void>
  kill(signal: NodeJS.Signals): void
  /** Notices of its own that are errors: a run under fire has no reason for any. */
  complaints(): readonly string[]
  printed(): string
}

export interface RunOptions {
  readonly folder: string
  readonly masterKey: string
  /** As HOLDFAST_FAILPOINT has it. */
  readonly failpoint?: string
  readonly nodeArguments?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const MAIN = join(repositoryRoot, 'src', 'cli', 'main.ts')
const WORDS = ['--json', '--config', 'holdfast.yaml', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']
const PRINTED_MAX = 200_000

/** Resolves when it listens, or has ended. */
export async function runGateway({
  folder,
  masterKey,
  failpoint,
  nodeArguments = [],
  env = {},
}: RunOptions): Promise<GatewayRun> {
  const child = spawn(process.execPath, [...nodeArguments, MAIN, 'start', ...WORDS], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      HOLDFAST_MASTER_KEY: masterKey,
      ...env,
      ...(failpoint === undefined ? {} : { HOLDFAST_FAILPOINT: failpoint }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const run = new Run(child)
  await run.listening
  return run
}

class Run implements GatewayRun {
  readonly #child: ChildProcess
  readonly exited: Promise<void>
  readonly listening: Promise<void>
  addresses: GatewayRun['addresses']
  hasEnded = false
  #printed = ''
  #rest = ''
  readonly #complaints: string[] = []

  constructor(child: ChildProcess) {
    this.#child = child
    const listening = Promise.withResolvers<void>()
    this.listening = listening.promise
    this.exited = new Promise((resolve) => {
      child.once('close', () => {
        this.hasEnded = true
        listening.resolve()
        resolve()
      })
    })
    child.stdout?.on('data', (part: Buffer) => {
      this.#read(part.toString())
      if (this.addresses !== undefined) listening.resolve()
    })
    child.stderr?.on('data', (part: Buffer) => this.#keep(part.toString()))
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  complaints(): readonly string[] {
    return this.#complaints
  }

  printed(): string {
    return this.#printed
  }

  #keep(text: string): void {
    this.#printed = (this.#printed + text).slice(-PRINTED_MAX)
  }

  #read(text: string): void {
    this.#keep(text)
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      const value = parseJson(line)
      if (!isJsonObject(value)) continue
      if (value['type'] === 'listening')
        this.addresses = { url: textIn(value, 'url'), adminUrl: textIn(value, 'adminUrl') }
      if (value['level'] === 'error' && value['notice'] !== undefined) this.#complaints.push(line)
    }
  }
}

export function textIn(value: Readonly<Record<string, unknown>>, name: string): string {
  const text = value[name]
  if (typeof text === 'string') return text
  throw new TypeError(`there is no ${name} in what the gateway said`)
}
