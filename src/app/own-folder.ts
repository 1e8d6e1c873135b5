/**
 * This run's own folder of books: says that the run is alive, and notices when another process took the folder for a dead
 * one's. What was leased is somebody else's to spend then, so this run spends nothing more of it.
 */

import { type Clock, repeat, type Timer } from '../std/clock.ts'
import type { Notice } from '../std/notice.ts'
import { beat, type BookFolder } from './book-folders.ts'

/** How often a living node says so, ms. */
const HEARTBEAT_MS = 5_000
/** How old the last look may be where money is held, ms: far less than the silence after which others take the folder. */
const LOOK_AGE_MAX_MS = 15_000

export interface OwnFolderOptions {
  readonly folder: BookFolder
  readonly clock: Clock
  /** Called once, when the folder is gone: the leases of this run went back with it. */
  readonly onLost: () => void
  readonly onNotice: (notice: Notice) => void
}

export class OwnFolder {
  readonly #options: OwnFolderOptions
  readonly #beating: Timer
  #isLost = false
  /** When it was last found to be this run's, by both clocks, ms. */
  #foundAtMs: number
  #foundAtWallMs: number

  /** Begins to say that the run is alive; the folder was claimed just now. */
  constructor(options: OwnFolderOptions) {
    const { clock } = options
    this.#options = options
    this.#foundAtMs = clock.nowMs()
    this.#foundAtWallMs = clock.wallMs()
    this.#beating = repeat(clock, HEARTBEAT_MS, () => this.#look())
  }

  /** Whether money may be held: the folder is this run's, and was just now. Once it is lost it stays so until the process starts anew. */
  isOurs(): boolean {
    if (!this.#isOverdue()) return !this.#isLost
    this.#look()
    return !this.#isLost && !this.#isOverdue()
  }

  /** Why budgets are closed; empty when all is well. */
  get troubles(): readonly string[] {
    if (this.isOurs()) return NONE
    return this.#isLost
      ? [LOST]
      : ['The folder of the books does not answer: budgets are closed until it does.']
  }

  stop(): void {
    this.#beating.cancel()
  }

  /**
   * A run that was stopped for long looks before it spends: others may have waited for it in vain. Its own monotonic clock may
   * have been stopped with it, so the wall clock counts as well; where that was only set, one look more does no harm.
   */
  #isOverdue(): boolean {
    const { clock } = this.#options
    const ageMs = clock.nowMs() - this.#foundAtMs
    const wallAgeMs = Math.abs(clock.wallMs() - this.#foundAtWallMs)
    return ageMs > LOOK_AGE_MAX_MS || wallAgeMs > LOOK_AGE_MAX_MS
  }

  #look(): void {
    if (this.#isLost) return
    const { folder, clock } = this.#options
    try {
      if (!beat(folder, clock.wallMs())) return this.#lose()
      this.#foundAtMs = clock.nowMs()
      this.#foundAtWallMs = clock.wallMs()
    } catch {
      // The disk says no; the log of the books tells of it, and nothing is held where that lasts.
    }
  }

  #lose(): void {
    const { folder, onLost, onNotice } = this.#options
    this.#isLost = true
    onLost()
    onNotice({
      level: 'error',
      name: 'books_taken',
      message: `The folder ${folder.path} is not this run's any more: another gateway took it for dead and brought its books in, or somebody removed it. Requests that a budget has to pay are refused until this gateway is started anew, all others are served.`,
      facts: { node: folder.nodeId },
    })
  }
}

const NONE: readonly string[] = []
const LOST =
  'The books of this run were brought in by another process: budgets are closed until it is started anew.'
