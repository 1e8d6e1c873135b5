/** Minutes in seconds: the machine's clock, sped up for everything that a test file loads. Sockets stay real. */

import { systemClock } from '../../src/std/clock.ts'

/** Call it before anything is started. Each test file has modules of its own, so that no other file is in a hurry. */
export function speedUpTime(factor: number): void {
  const { after, nowMs, wallMs } = systemClock
  const [startMs, startWallMs] = [nowMs(), wallMs()]
  const elapsedMs = () => (nowMs() - startMs) * factor
  Object.assign(systemClock, {
    nowMs: () => startMs + elapsedMs(),
    wallMs: () => Math.round(startWallMs + elapsedMs()),
    after: (delayMs: number, callback: () => void) => after(delayMs / factor, callback),
  } satisfies typeof systemClock)
}
