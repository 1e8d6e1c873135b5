/** The world of a command as a test makes it: what it says is kept, and its environment and directory are given. */

import { EventEmitter } from 'node:events'
import type { Clock } from '../std/clock.ts'
import type { OpenBooks } from './books.ts'
import type { CliIo } from './io.ts'
import { runCommandLine } from './program.ts'

export interface TerminalOptions {
  readonly env?: CliIo['env']
  readonly directory?: string
  /** What stands on standard input; absent where there is none. */
  readonly input?: string
  readonly clock?: Clock
  readonly openBooks?: OpenBooks
}

export class Terminal extends EventEmitter implements CliIo {
  readonly lines: string[] = []
  readonly errors: string[] = []
  readonly env: CliIo['env']
  readonly directory: string
  readonly signals = this
  readonly readIn?: (lengthMax: number) => Promise<string>
  readonly clock?: Clock
  readonly openBooks?: OpenBooks

  constructor({ env = {}, directory = '/', input, clock, openBooks }: TerminalOptions = {}) {
    super()
    this.env = env
    this.directory = directory
    if (clock !== undefined) this.clock = clock
    if (openBooks !== undefined) this.openBooks = openBooks
    if (input !== undefined) this.readIn = async (lengthMax) => input.slice(0, lengthMax)
  }

  out(text: string): void {
    this.lines.push(text)
    this.emit('out', text)
  }

  err(text: string): void {
    this.errors.push(text)
  }

  readonly style: CliIo['style'] = (_, text) => text

  get output(): string {
    return this.lines.join('\n')
  }

  get complaints(): string {
    return this.errors.join('\n')
  }
}

export async function runIn(words: readonly string[], options: TerminalOptions = {}) {
  const terminal = new Terminal(options)
  const exitCode = await runCommandLine(words, terminal)
  return { exitCode, output: terminal.output, complaints: terminal.complaints }
}
