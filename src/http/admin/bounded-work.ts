/**
 * Bounds what the admin API asks of the store: so much at one time, and each for so long. Work that was given up goes on
 * holding its place until the store is done with it, so that slow reports cannot pile up behind their own time limit.
 */

import type { Clock } from '../../std/clock.ts'
import { AdminProblem } from './problem.ts'

export interface WorkBounds {
  readonly placesMax: number
  readonly timeMs: number
}

export class BoundedWork {
  readonly #clock: Clock
  readonly #bounds: WorkBounds
  #running = 0

  constructor(clock: Clock, bounds: WorkBounds) {
    this.#clock = clock
    this.#bounds = bounds
  }

  /** Throws `busy` where no place is free, and `too_slow` with those words where the time is over. */
  async run<Value>(work: () => Promise<Value>, tooSlow: string): Promise<Value> {
    const { placesMax, timeMs } = this.#bounds
    if (this.#running >= placesMax)
      throw new AdminProblem('busy', `${placesMax} calls of the admin API are at work already.`, {
        'retry-after': '2',
      })
    this.#running += 1
    const running = Promise.try(work).finally(() => {
      this.#running -= 1
    })
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(timeMs, () => reject(new AdminProblem('too_slow', tooSlow)))
      running.finally(() => timer.cancel()).then(resolve, reject)
    })
  }
}
