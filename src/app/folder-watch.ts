/**
 * Tells which folders of books a dead run left. A process of this machine is asked for by its number; of any other only what
 * changes is known, and for how long nothing did by this run's own monotonic clock: clocks of two machines, and the wall
 * clock of one before and after a step, are never compared, so that no living run is taken for dead by them.
 */

import type { Clock } from '../std/clock.ts'
import { type BookFolder, foldersIn, signOf } from './book-folders.ts'

/** A node of another machine that gave no sign of life for this long, while it was watched, is gone, ms. */
export const SILENCE_MAX_MS = 60_000
/**
 * The most that counts between two looks, ms. Whoever was stopped for longer (its machine slept, its thread was busy) has not
 * watched, and the others may have been stopped with it.
 */
const UNWATCHED_MS = 10_000

export interface FolderWatchOptions {
  /** The folder of all nodes' folders. */
  readonly root: string
  /** Of this run, which is never watched. */
  readonly nodeId: string
  readonly clock: Pick<Clock, 'nowMs'>
}

/** The mark of a folder, as it was found last. */
interface Sighting {
  readonly mark: string
  /** Monotonic, ms. */
  readonly atMs: number
  /** For how long it was watched and did not change, ms. */
  readonly silentMs: number
}

export class FolderWatch {
  readonly #options: FolderWatchOptions
  readonly #seen = new Map<string, Sighting>()

  constructor(options: FolderWatchOptions) {
    this.#options = options
  }

  /** The folders of all other runs. */
  others(): readonly BookFolder[] {
    const { root, nodeId } = this.#options
    const others = foldersIn(root).filter((folder) => folder.nodeId !== nodeId)
    const names = new Set(others.map((folder) => folder.nodeId))
    for (const seen of this.#seen.keys()) if (!names.has(seen)) this.#seen.delete(seen)
    return others
  }

  /** Whether its process is gone, as far as was seen until now. Ask again and again: of a distant one it takes time to know. */
  isDead(folder: BookFolder): boolean {
    const sign = signOf(folder)
    if (sign.type !== 'distant') return sign.type === 'gone'
    return this.#silenceMs(folder, sign.mark) >= SILENCE_MAX_MS
  }

  #silenceMs({ nodeId }: BookFolder, mark: string | undefined): number {
    // Of what nobody can read now it is not known whether it changed.
    if (mark === undefined) {
      this.#seen.delete(nodeId)
      return 0
    }
    const sighting = seenAgain(this.#seen.get(nodeId), mark, this.#options.clock.nowMs())
    this.#seen.set(nodeId, sighting)
    return sighting.silentMs
  }
}

function seenAgain(before: Sighting | undefined, mark: string, nowMs: number): Sighting {
  if (before?.mark !== mark) return { mark, atMs: nowMs, silentMs: 0 }
  return { mark, atMs: nowMs, silentMs: before.silentMs + Math.min(nowMs - before.atMs, UNWATCHED_MS) }
}
