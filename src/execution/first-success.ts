/** Two things begun one after the other, the first that succeeds taken; a failure counts only when nothing else is running. */

import type { Timer } from '../std/clock.ts'

export interface FirstSuccess<Success, Failure> {
  first(): Promise<Success | Failure>
  /** Begun later, where the first has not ended; `undefined` where it turns out not to be wanted. */
  readonly second: () => Promise<Success | Failure> | undefined
  isFailure(answer: Success | Failure): answer is Failure
  /** It did not fail: the other one was faster. */
  isBeaten(failure: Failure): boolean
  /** One failed while the other still runs. */
  onOutrun(failure: Failure): void
  /** Calls `begin` when it is time for the second. */
  later(begin: () => void): Timer
}

/** The first success, else the failure that came last, one that was beaten apart. Rejects as soon as either does. */
export function firstSuccess<Success, Failure>(
  race: FirstSuccess<Success, Failure>,
): Promise<Success | Failure> {
  return new Promise((resolve, reject) => {
    let running = 0
    let kept: Failure | undefined
    const run = (attempt: Promise<Success | Failure>) => {
      running += 1
      attempt.then((answer) => {
        running -= 1
        const isBeaten = race.isFailure(answer) && race.isBeaten(answer)
        if (race.isFailure(answer) && running > 0) {
          if (isBeaten) return
          kept = answer
          return race.onOutrun(answer)
        }
        timer.cancel()
        resolve(isBeaten ? (kept ?? answer) : answer)
      }, fail)
    }
    const fail = (error: unknown) => {
      timer.cancel()
      reject(error)
    }
    const timer = race.later(() => {
      const second = begin(race)
      if (second !== undefined) run(second)
    })
    run(race.first())
  })
}

/** What cannot even be begun is not wanted: the first still runs, and tells its own end. */
function begin<Success, Failure>({
  second,
}: Pick<FirstSuccess<Success, Failure>, 'second'>): Promise<Success | Failure> | undefined {
  try {
    return second()
  } catch {
    return undefined
  }
}
