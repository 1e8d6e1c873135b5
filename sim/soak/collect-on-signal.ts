/**
 * Loaded into every thread of the gateway of a soak: SIGUSR2 has each collect its garbage and give back what its heap
 * holds beyond that, the main thread last. What the process holds then goes into the file that HOLDFAST_SOAK_MEMORY names.
 */

import { writeFileSync } from 'node:fs'
import { BroadcastChannel, isMainThread } from 'node:worker_threads'

/** The other threads collect within this time, ms: they may be in the middle of a long statement. */
const OTHERS_MS = 500

const channel = new BroadcastChannel('holdfast-soak')
if (isMainThread)
  process.on('SIGUSR2', () => {
    channel.postMessage('collect')
    setTimeout(measure, OTHERS_MS)
  })
else channel.addEventListener('message', collect)
channel.unref()

function measure(): void {
  collect()
  const file = process.env['HOLDFAST_SOAK_MEMORY']
  if (file !== undefined) writeFileSync(file, JSON.stringify(process.memoryUsage()))
}

/** Pages of the young generation are given back only where memory is said to be short. */
function collect(): void {
  globalThis.gc?.({ execution: 'sync', flavor: 'last-resort', type: 'major' })
}
