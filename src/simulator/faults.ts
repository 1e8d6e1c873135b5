/** Every fault by its name: what a provider, a proxy or a network can do to a call. */

import { nearest } from '../std/nearest.ts'
import { bodyFaults } from './faults/body-faults.ts'
import { connectionFaults } from './faults/connection-faults.ts'
import { contentFaults } from './faults/content-faults.ts'
import { dialectFaults } from './faults/dialect-faults.ts'
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
    ...dialectFaults,
  ].map((fault) => [fault.name, fault]),
)

/** A name this short is often two letters swapped, which is two edits. */
const EDITS_MIN = 2

/** The known name nearest to a mistaken one, where one is near. */
export function nearestFault(name: string): string | undefined {
  return nearest(name, [...faults.keys()], Math.max(EDITS_MIN, Math.floor(name.length / 3)))
}
