/** Work that must not run beside itself, and whose last start must come after the last request for it. */

/**
 * Runs `work` at once where it does not run already; otherwise once more, after the running one has ended, for all who
 * asked in the meantime.
 */
export function oneAtATime<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let running: Promise<Result> | undefined
  let following: Promise<Result> | undefined
  const begin = (): Promise<Result> => {
    const run = work().finally(() => {
      if (running === run) running = undefined
    })
    running = run
    return run
  }
  const beginAgain = () => {
    following = undefined
    return begin()
  }
  return () => {
    if (following) return following
    if (!running) return begin()
    following = running.then(beginAgain, beginAgain)
    return following
  }
}
