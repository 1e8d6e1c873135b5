/**
 * What nobody caught in this process: said in the log, and outlived. A gateway serves many who have nothing to do with
 * the one whose callback threw (fault 136).
 */

import { describeDefect } from '../errors/describe-defect.ts'
import type { Clock } from '../std/clock.ts'
import type { Telemetry } from '../telemetry/records.ts'

/** The part of `process` that is needed here. */
export interface FaultSource {
  on(event: FaultEvent, listener: (thrown: unknown) => void): unknown
  off(event: FaultEvent, listener: (thrown: unknown) => void): unknown
}

export type FaultEvent = 'unhandledRejection' | 'uncaughtException'

/** Within this time so many are said one by one; of the rest only their number is kept, ms. */
const WINDOW_MS = 10_000
const SAID_MAX = 10

/** Returns the act of leaving, after which Node's own rule holds again. */
export function outliveFaults(
  source: FaultSource,
  { notices, clock }: Pick<Telemetry, 'notices'> & { readonly clock: Clock },
): () => void {
  let windowEndsAtMs = -Infinity
  let said = 0
  let unsaid = 0
  const say = (event: FaultEvent, thrown: unknown) => {
    const nowMs = clock.nowMs()
    if (nowMs >= windowEndsAtMs) {
      windowEndsAtMs = nowMs + WINDOW_MS
      said = 0
    }
    said += 1
    if (said > SAID_MAX) {
      unsaid += 1
      return
    }
    notices.publish({
      level: 'error',
      name: 'process_defect',
      message: 'Something failed that belongs to no request, a defect of the gateway; it goes on serving.',
      facts: { event, ...describeDefect(thrown), ...(unsaid > 0 && { unsaidBefore: unsaid }) },
    })
    unsaid = 0
  }
  const onRejection = (thrown: unknown) => say('unhandledRejection', thrown)
  const onException = (thrown: unknown) => say('uncaughtException', thrown)
  source.on('unhandledRejection', onRejection)
  source.on('uncaughtException', onException)
  return () => {
    source.off('unhandledRejection', onRejection)
    source.off('uncaughtException', onException)
  }
}
