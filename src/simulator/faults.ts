/** Every fault by its name: what a provider, a proxy or a network can do to a call. */

import { bodyFaults } from './faults/body-faults.ts'
import { connectionFaults } from './faults/connection-faults.ts'
import { contentFaults } from './faults/content-faults.ts'
import { statusFaults } from './faults/status-faults.ts'
import { streamBytesFaults } from './faults/stream-bytes-faults.ts'
import { streamEventFaults } from './faults/stream-event-faults.ts'
import { streamTimeFaults } from './faults/stream-time-faults.ts'
import { toolFaults } from './faults/tool-faults.ts'
import type { Fault } from './fault.ts'

export const faults: ReadonlyMap<string, Fault> = new Map(
  [
    ...connectionFaults,
    ...statusFaults,
    ...bodyFaults,
    ...contentFaults,
    ...streamTimeFaults,
    ...streamEventFaults,
    ...streamBytesFaults,
    ...toolFaults,
  ].map((fault) => [fault.name, fault]),
)

/** The known name nearest to a mistaken one, where one is near. */
export function nearestFault(name: string): string | undefined {
  let best: { readonly name: string; readonly distance: number } | undefined
  for (const known of faults.keys()) {
    const distance = editDistance(name, known)
    if (best === undefined || distance < best.distance) best = { name: known, distance }
  }
  return best && best.distance <= Math.max(2, name.length / 3) ? best.name : undefined
}

/** Letters to add, drop or change to come from one word to another. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= Math.min(from.length, 64); i += 1) {
    const next = [i]
    for (let j = 1; j <= to.length; j += 1) {
      const changed = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
