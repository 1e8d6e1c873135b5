/** Everything a command has of the outside world, handed in so that tests can be that world. */

import type { FaultSource } from '../app/process-faults.ts'
import type { SignalSource } from '../app/signals.ts'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

export interface CliIo {
  /** One line, or several, on standard output; a line end is added. */
  out(text: string): void
  /** The same on standard error. */
  err(text: string): void
  /** Colour where standard output is a terminal and NO_COLOR does not forbid it; else the text as it is. */
  readonly style: (style: Style, text: string) => string
  readonly env: Readonly<Record<string, string | undefined>>
  /** The working directory. */
  readonly directory: string
  readonly signals: SignalSource
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
