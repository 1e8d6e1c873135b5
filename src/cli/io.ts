/** Everything a command has of the outside world, handed in so that tests can be that world. */

import type { FaultSource } from '../app/process-faults.ts'
import type { SignalSource } from '../app/signals.ts'
import type { Clock } from '../std/clock.ts'
import type { OpenBooks } from './books.ts'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

export interface CliIo {
  /** One line, or several, on standard output; a line end is added. */
  out(text: string): void
  /** The same on standard error. */
  err(text: string): void
  /** All of standard input, or as much of it as is allowed; absent where there is none. */
  readonly readIn?: (lengthMax: number) => Promise<string>
  /** Colour where standard output is a terminal and NO_COLOR does not forbid it; else the text as it is. */
  readonly style: (style: Style, text: string) => string
  readonly env: Readonly<Record<string, string | undefined>>
  /** The working directory. */
  readonly directory: string
  readonly signals: SignalSource
  /** Time; the machine's where it is absent. */
  readonly clock?: Clock
  /** Opens what is kept; the store of the configuration where it is absent. */
  readonly openBooks?: OpenBooks
  /** Where Node's inspector listens, if it does; absent where that is somebody else's affair. */
  readonly inspectorUrl?: () => string | undefined
  /** Keeps the process from ending while a command only waits; what it returns lets go. */
  readonly keepAlive?: () => () => void
  /** Where what nobody caught is told; absent where that is somebody else's affair. */
  readonly faults?: FaultSource
}

/** What every command takes. */
export interface CommonOptions {
  readonly json?: boolean
  readonly quiet?: boolean
  readonly config?: string
}

export function printJson(io: CliIo, value: unknown): void {
  io.out(JSON.stringify(value, undefined, 2))
}
