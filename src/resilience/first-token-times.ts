/**
 * How long each target takes to its first content token, and how many calls it has now: what balancing, adaptive
 * timers and hedging decide by. Never total time, which says how long the answer was and not how well the target is.
 */

import { BoundedCells } from './bounded-cells.ts'
import { fade, PEAK_TAU_MS, PeakAverage } from './peak-average.ts'
import { RecentSamples } from './recent-samples.ts'

/** Targets remembered; the oldest without a call in flight is forgotten. */
export const FIRST_TOKEN_TARGETS_MAX = 10_000
/** What one refusal adds to a target's time: a fast 429 must not attract traffic. It fades as a peak does. */
export const PENALTY_MS = 5_000
/** Refusals add up to at most this. */
export const PENALTY_MAX_MS = 30_000

/** By bytes of the request's body: below 4 KiB, below 32 KiB, below 256 KiB, more. First tokens of long prompts are slower. */
export type PromptBucket = 0 | 1 | 2 | 3

export function promptBucket(bodyBytes: number): PromptBucket {
  if (bodyBytes < 4_096) return 0
  if (bodyBytes < 32_768) return 1
  return bodyBytes < 262_144 ? 2 : 3
}

export interface FirstTokenTimes {
  /** The first content token came `firstTokenMs` after the call began. Times that make no sense are ignored. */
  note(target: string, bucket: PromptBucket, firstTokenMs: number, nowMs: number): void
  /** `p` in (0, 1); undefined with fewer than `SAMPLES_MIN` samples in memory. */
  quantileMs(target: string, bucket: PromptBucket, p: number, nowMs: number): number | undefined
  /** Peak EWMA over prompts of every size, and the penalty; undefined = never seen. */
  peakEwmaMs(target: string, nowMs: number): number | undefined
  /** The target refused a call for its rate or its load. */
  penalise(target: string, nowMs: number): void
  /** A call begins. */
  begin(target: string): void
  /** A call that began has ended, however it ended. */
  end(target: string): void
  inFlight(target: string): number
}

interface Cell {
  inFlight: number
  readonly average: PeakAverage
  /** By prompt bucket; a bucket without samples has no memory. */
  readonly samples: (RecentSamples | undefined)[]
  penaltyMs: number
  penaltyAtMs: number
}

export function createFirstTokenTimes(): FirstTokenTimes {
  const cells = new BoundedCells<Cell>(FIRST_TOKEN_TARGETS_MAX)

  /** Beyond the bound there are only as many cells as calls in flight, which admission bounds. */
  const open = (target: string): Cell => {
    const known = cells.get(target)
    if (known !== undefined) return known
    cells.makeRoom((cell) => cell.inFlight === 0)
    return cells.add(target, createCell())
  }

  return {
    note(target, bucket, firstTokenMs, nowMs) {
      if (!(firstTokenMs >= 0) || !Number.isFinite(firstTokenMs)) return
      const cell = open(target)
      cell.average.note(firstTokenMs, nowMs)
      cell.samples[bucket] ??= new RecentSamples()
      cell.samples[bucket].note(firstTokenMs, nowMs)
    },
    quantileMs: (target, bucket, p, nowMs) => cells.get(target)?.samples[bucket]?.quantile(p, nowMs),
    peakEwmaMs(target, nowMs) {
      const cell = cells.get(target)
      return cell === undefined || isUnseen(cell)
        ? undefined
        : cell.average.at(nowMs) + penaltyAt(cell, nowMs)
    },
    penalise(target, nowMs) {
      const cell = open(target)
      cell.penaltyMs = Math.min(PENALTY_MAX_MS, penaltyAt(cell, nowMs) + PENALTY_MS)
      cell.penaltyAtMs = nowMs
    },
    begin(target) {
      open(target).inFlight += 1
    },
    end(target) {
      const cell = cells.get(target)
      if (cell === undefined) return
      cell.inFlight = Math.max(0, cell.inFlight - 1)
      // A name that never answered leaves nothing behind: it may have been anything a client wrote.
      if (cell.inFlight === 0 && isUnseen(cell)) cells.delete(target)
    },
    inFlight: (target) => cells.get(target)?.inFlight ?? 0,
  }
}

function createCell(): Cell {
  return {
    inFlight: 0,
    average: new PeakAverage(),
    samples: [undefined, undefined, undefined, undefined],
    penaltyMs: 0,
    penaltyAtMs: 0,
  }
}

function isUnseen(cell: Cell): boolean {
  return cell.average.isEmpty && cell.penaltyMs === 0
}

function penaltyAt(cell: Cell, nowMs: number): number {
  return cell.penaltyMs * fade(nowMs - cell.penaltyAtMs, PEAK_TAU_MS)
}
