/**
 * What the watchdog does where the main thread is stuck. In JavaScript V8's profiler shows where: it samples places
 * alone, never values, stops nothing, and opens no port (SEC-28). The session lives as long as the look.
 */

import { writeSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { sleep, systemClock } from '../../std/clock.ts'
import { within } from '../../std/within.ts'
import { busiestStack } from './busiest-stack.ts'
import type { Stuck } from './watchdog.ts'

/** How long the main thread is looked at, ms. */
const LOOK_MS = 100
/** Between two samples, µs. */
const SAMPLE_US = 5_000
/** A main thread that waits in a call of the system does not answer at all. */
const ANSWER_MS = 2_000
const STDERR = 2

/** Says on standard error where the main thread is stuck, and gives it back for the log. `isStill`: whether it is yet. */
export async function lookAtMain(stuckMs: number, isStill: () => boolean): Promise<Stuck> {
  const found = await within(systemClock, ANSWER_MS, stackOfMain()).catch(() => undefined)
  // One that went on meanwhile was looked at too late: what it does now is not what it was stuck in.
  const stack = isStill() ? found : undefined
  const where = stack ?? 'a place that could not be seen: outside of JavaScript, or left again'
  try {
    // The main thread writes the log, and may never do so again.
    writeSync(STDERR, `holdfast: nothing was done for ${stuckMs} ms, stuck in ${where}\n`)
  } catch {
    // Nobody listens.
  }
  return { stuckMs, ...(stack !== undefined && { stack }) }
}

async function stackOfMain(): Promise<string | undefined> {
  const session = new Session()
  session.connectToMainThread()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US })
    await session.post('Profiler.start')
    await sleep(systemClock, LOOK_MS)
    const { profile } = await session.post('Profiler.stop')
    return busiestStack(profile)
  } finally {
    session.disconnect()
  }
}
