/**
 * The watchdog's own thread: counts how long the main thread gives no sign of life. JavaScript, since to read TypeScript
 * Node loads 17 MB into each thread; what looks at the main thread is loaded where it is stuck.
 */

import { parentPort, workerData } from 'node:worker_threads'

/** @type {import('./watchdog.ts').WatchSetup} */
const { beats, stuckMs, tickMs, restMs } = workerData
let seen = 0
/** Ticks in a row without a sign of life. */
let silentTicks = 0
let restTicks = 0
/** One look at a time: where the main thread waits in a call of the system, it goes on until that is over. */
let isLooking = false

setInterval(() => {
  const now = Atomics.load(beats, 0)
  silentTicks = now === seen ? silentTicks + 1 : 0
  seen = now
  restTicks = Math.max(0, restTicks - 1)
  if (now === 0 || isLooking || restTicks > 0 || silentTicks * tickMs < stuckMs) return
  restTicks = restMs / tickMs
  Atomics.add(beats, 1, 1)
  isLooking = true
  void tell(silentTicks * tickMs, now).finally(() => {
    isLooking = false
  })
}, tickMs)

/**
 * @param {number} ms
 * @param {number} last
 */
async function tell(ms, last) {
  const { lookAtMain } = await import('./look-at-main.ts')
  parentPort?.postMessage(await lookAtMain(ms, () => Atomics.load(beats, 0) === last))
}
