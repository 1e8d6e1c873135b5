/** A stop signal that knows how many wait for it, so that a listener left behind is seen. */

import { StopSource } from '../../std/stop-signal.ts'

export class CountedStop extends StopSource {
  #listeners = 0

  get listeners(): number {
    return this.aborted ? 0 : this.#listeners
  }

  override addEventListener(type: 'abort', listener: () => void): void {
    if (!this.aborted) this.#listeners += 1
    super.addEventListener(type, listener)
  }

  override removeEventListener(type: 'abort', listener: () => void): void {
    if (!this.aborted) this.#listeners -= 1
    super.removeEventListener(type, listener)
  }
}

/** Kept before those are dropped that nobody waits for any more. */
const LINGERING_MAX = 1_000

/** Signals of clients that are gone, as long as somebody still waits for them. */
export class LingeringStops {
  #stops: CountedStop[] = []

  get listeners(): number {
    return this.#stops.reduce((sum, stop) => sum + stop.listeners, 0)
  }

  add(stop: CountedStop): void {
    if (stop.listeners === 0) return
    if (this.#stops.length >= LINGERING_MAX) this.#stops = this.#stops.filter((one) => one.listeners > 0)
    this.#stops.push(stop)
  }
}
