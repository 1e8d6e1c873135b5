/** A breaker's many small changes as people remember them: from when until when a target was left alone. Pure. */

import type { BreakerSpan } from './report.ts'

export interface QuietTime {
  readonly fromMs: number
  readonly untilMs: number
  /** The states it went through, each once, in order. */
  readonly states: readonly string[]
  /** Calls that found out whether it was well again. */
  readonly probes: number
  /** What it began with. */
  readonly cause: string
}

/** Spans that follow each other without a pause are one. */
export function quietTimes(spans: readonly BreakerSpan[]): readonly QuietTime[] {
  const runs: BreakerSpan[][] = []
  for (const span of spans) {
    const run = runs.at(-1)
    if (run?.at(-1)?.untilMs === span.fromMs) run.push(span)
    else runs.push([span])
  }
  return runs.flatMap((run) => {
    const [first] = run
    const last = run.at(-1)
    if (first === undefined || last === undefined) return []
    const states = run.map(({ state }) => state)
    return [
      {
        fromMs: first.fromMs,
        untilMs: last.untilMs,
        states: [...new Set(states)].filter((state) => state !== 'half-open' || states.length === 1),
        probes: states.filter((state) => state === 'half-open').length,
        cause: first.cause,
      },
    ]
  })
}
