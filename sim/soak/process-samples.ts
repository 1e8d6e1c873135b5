/** What a process holds over time, and whether it holds ever more. */

import { readdirSync, readFileSync } from 'node:fs'
import { isJsonObject, parseJson } from '../../src/std/json.ts'

export interface Sample {
  readonly atMs: number
  /** Resident, and used of the heap: after the garbage was collected. */
  readonly rssBytes: number
  readonly heapBytes: number
  readonly descriptors: number
  /** How long a request took that nothing but the event loop holds up, ms. */
  readonly lagMs: number
}

/** As the gateway wrote it when it collected its garbage last; 0 where it did not yet. */
export function memoryIn(file: string): Pick<Sample, 'rssBytes' | 'heapBytes'> {
  try {
    const value = parseJson(readFileSync(file, 'utf8'))
    if (isJsonObject(value)) return { rssBytes: Number(value['rss']), heapBytes: Number(value['heapUsed']) }
  } catch {
    // It is not there yet.
  }
  return { rssBytes: 0, heapBytes: 0 }
}

export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** Of the straight line that fits best, per hour. */
export function slopePerHour(samples: readonly Sample[], read: (sample: Sample) => number): number {
  const size = samples.length
  if (size < 2) return 0
  const meanX = samples.reduce((sum, { atMs }) => sum + atMs, 0) / size
  const meanY = samples.reduce((sum, sample) => sum + read(sample), 0) / size
  let above = 0
  let below = 0
  for (const sample of samples) {
    above += (sample.atMs - meanX) * (read(sample) - meanY)
    below += (sample.atMs - meanX) ** 2
  }
  return below === 0 ? 0 : (above / below) * 3_600_000
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
