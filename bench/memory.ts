/** What an open, idle stream costs: the growth of resident memory while thousands are held. */

import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { type Cell, holdModel } from './cells.ts'
import type { Contestant } from './contestants.ts'
import type { LoadProcess } from './load-process.ts'
import { canReadCpu, residentBytes } from './processes.ts'

export interface MemoryResult {
  readonly contestant: string
  readonly streams: number
  readonly bytesPerStream: number
}

/** Streams to hold open. */
export const IDLE_STREAMS = 5_000
/** Opened and let go first, so that code and pools are loaded before memory is first read. */
const WARM_UP_STREAMS = 500
/** The process settles for this long before its memory is read. */
const SETTLE_MS = 3_000
/** Descriptors a process needs beside one for the client and one for the upstream of each stream. */
const SPARE_DESCRIPTORS = 500

const cell: Cell = {
  name: 'idle stream',
  client: 'openai',
  upstream: 'openai',
  requestBytes: 1_024,
  answer: 'burst',
}

/** Measures one contestant; undefined where memory cannot be read. */
export async function measureMemory(
  load: LoadProcess,
  contestant: Contestant,
): Promise<MemoryResult | undefined> {
  if (contestant.pid === undefined || !canReadCpu) return undefined
  const streams = Math.min(IDLE_STREAMS, streamsAllowed())
  const model = contestant.model(cell).replace('bench-model', holdModel)
  await load.hold(contestant, cell, WARM_UP_STREAMS, model)
  await load.release()
  await pause(SETTLE_MS)
  const beforeBytes = residentBytes(contestant.pid)
  const opened = await load.hold(contestant, cell, streams, model)
  await pause(SETTLE_MS)
  const afterBytes = residentBytes(contestant.pid)
  await load.release()
  if (opened !== streams) throw new Error(`${contestant.name} opened ${opened} of ${streams} streams`)
  return { contestant: contestant.name, streams, bytesPerStream: (afterBytes - beforeBytes) / streams }
}

/** Node raises its own limit to the hard one. */
function streamsAllowed(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1]
  return hard === 'unlimited' ? IDLE_STREAMS : Math.floor((Number(hard) - SPARE_DESCRIPTORS) / 2)
}
