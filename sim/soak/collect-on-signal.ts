/**
 * Loaded into the threads of the gateway of a soak: SIGUSR2 has each collect its garbage and give back what its heap holds
 * beyond that, the main thread last. What the process holds then goes into the file that HOLDFAST_SOAK_MEMORY names, with
 * the number of the other threads that have collected.
 */

import { writeFileSync } from 'node:fs'
import { BroadcastChannel, isMainThread } from 'node:worker_threads'

/** The other threads collect within this time, ms: they may be in the middle of a long statement. */
const OTHERS_MS = 500

const channel = new BroadcastChannel('holdfast-soak')
const state = { others: 0 }
if (isMainThread) {
  channel.addEventListener('message', () => {
    state.others += 1
  })
  process.on('SIGUSR2', () => {
    state.others = 0
    channel.postMessage('collect')
    setTimeout(measure, OTHERS_MS)
  })
} else
  channel.addEventListener('message', () => {
    collect()
    channel.postMessage('collected')
  })
channel.unref()

function measure(): void {
  collect()
  const file = process.env['HOLDFAST_SOAK_MEMORY']
  if (file !== undefined) writeFileSync(file, JSON.stringify({ ...process.memoryUsage(), ...state }))
}

/** Pages of the young generation are given back only where memory is said to be short. */
function collect(): void {
  globalThis.gc?.({ execution: 'sync', flavor: 'last-resort', type: 'major' })
}
