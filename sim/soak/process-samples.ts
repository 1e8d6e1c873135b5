/** What a process holds over time, and whether it holds ever more. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { isJsonObject, parseJson } from '../../src/std/json.ts'

const HOUR_MS = 3_600_000

/** While it is under load. */
export interface LoadSample {
  readonly atMs: number
  readonly descriptors: number
  /** How long a request took that nothing but the event loop holds up, ms. */
  readonly lagMs: number
}

export interface Memory {
  readonly rssBytes: number
  /** Used of V8's heap. */
  readonly heapBytes: number
}

/** While the load rests, and after the garbage was collected. */
export interface RestSample extends Memory {
  readonly atMs: number
  readonly descriptors: number
}

/** The straight line that fits best. */
export interface Trend {
  readonly perHour: number
  /** By how much chance alone may have it rise or fall, of what the samples swing around it. */
  readonly standardError: number
}

/**
 * As the gateway wrote it when it collected its garbage, with the number of threads that did beside the main one;
 * `undefined` where it is not there, or not whole yet.
 */
export function memoryIn(file: string): (Memory & { readonly otherThreads: number }) | undefined {
  if (!existsSync(file)) return undefined
  const value = parseJson(readFileSync(file, 'utf8'))
  return isJsonObject(value)
    ? {
        rssBytes: Number(value['rss']),
        heapBytes: Number(value['heapUsed']),
        otherThreads: Number(value['others']),
      }
    : undefined
}

export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

export function trendOf<Sample extends { readonly atMs: number }>(
  samples: readonly Sample[],
  read: (sample: Sample) => number,
): Trend {
  const meanMs = meanOf(samples.map(({ atMs }) => atMs))
  const mean = meanOf(samples.map(read))
  const points = samples.map((sample) => ({ x: sample.atMs - meanMs, y: read(sample) - mean }))
  const spread = sumOf(points.map(({ x }) => x ** 2))
  if (spread === 0) return { perHour: 0, standardError: 0 }
  const slope = sumOf(points.map(({ x, y }) => x * y)) / spread
  const beside = sumOf(points.map(({ x, y }) => (y - slope * x) ** 2))
  // Two points always lie on a line, and tell nothing of how far others would lie from it.
  const error = points.length > 2 ? Math.sqrt(beside / (points.length - 2) / spread) : 0
  return { perHour: slope * HOUR_MS, standardError: error * HOUR_MS }
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : sumOf(values) / values.length
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}
