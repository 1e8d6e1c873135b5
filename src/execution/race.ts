/**
 * Attempts of one request side by side: the first whose answer has content wins, and the others are stopped in the same
 * moment, so that only one of them ever reaches the client.
 */

import { GatewayError } from '../errors/gateway-error.ts'
import { type StopSignal, StopSource } from '../std/stop-signal.ts'

/** One attempt's part in a race, or its being alone. */
export interface Lane {
  /** Stops with the request, or when another attempt wins. */
  readonly signal: StopSignal
  /** The answer has content. Throws the reason where another attempt was first. */
  claim(): void
  /** Another attempt won. */
  readonly isBeaten: boolean
  /** The attempt no longer listens to the request. */
  leave(): void
}

/** The lane of an attempt that nobody races. */
export function soleLane(signal: StopSignal): Lane {
  return { signal, claim: () => {}, isBeaten: false, leave: () => {} }
}

export class Race {
  readonly #parent: StopSignal
  readonly #runners: Runner[] = []
  #winner: Runner | undefined

  constructor(parent: StopSignal) {
    this.#parent = parent
  }

  /** Content has come from one of them. */
  get isDecided(): boolean {
    return this.#winner !== undefined
  }

  join(): Lane {
    const runner = new Runner(this.#parent, () => this.#claim(runner))
    this.#runners.push(runner)
    return runner
  }

  #claim(runner: Runner): void {
    if (this.#winner === runner) return
    this.#winner = runner
    for (const other of this.#runners) if (other !== runner) other.lose()
  }
}

class Runner implements Lane {
  readonly #source = new StopSource()
  readonly #parent: StopSignal
  readonly #onClaim: () => void
  isBeaten = false

  constructor(parent: StopSignal, onClaim: () => void) {
    this.#parent = parent
    this.#onClaim = onClaim
    if (parent.aborted) this.#source.stop(parent.reason)
    else parent.addEventListener('abort', this.#onParentStop, { once: true })
  }

  get signal(): StopSignal {
    return this.#source
  }

  claim(): void {
    this.#source.throwIfAborted()
    this.#onClaim()
  }

  lose(): void {
    if (this.#source.aborted) return
    this.isBeaten = true
    this.leave()
    this.#source.stop(new GatewayError('superseded', 'Another attempt of the same request answered first.'))
  }

  leave(): void {
    this.#parent.removeEventListener('abort', this.#onParentStop)
  }

  readonly #onParentStop = (): void => {
    this.#source.stop(this.#parent.reason)
  }
}
