/**
 * Brings what happened from memory into the store, in batches, whenever the store takes it. What the store cannot take
 * now waits here, and beyond a bound in the log on disk alone, to be read from there later.
 */

import { failpoint } from '../std/failpoints.ts'
import type { Clock } from '../std/clock.ts'
import { WriteBehind } from '../std/write-behind.ts'
import type { LedgerEntry, RequestRow } from './entry.ts'
import type { LedgerStore } from './ledger-store.ts'
import { type PostableLine, postLines } from './post-lines.ts'

/** How long lines wait for others, so that one transaction takes many, ms. */
export const POST_AFTER_MS = 200
/** Lines of one transaction. */
const BATCH_LINES_MAX = 2_000
/** Lines that may wait in memory while the store is away. */
export const WAITING_LINES_MAX = 50_000
const RETRY_MS = 100
const RETRY_MS_MAX = 2_000

/** In place of the number of a file of the log, which begin with 1: in none of them, or not yet. */
export const IN_NONE = 0

/** Where the first line of a request or an attempt stands. */
export interface Beginning {
  /** The file of the log, or `IN_NONE`. */
  segment: number
}

/** What is posted, the file of the log it stands in (or `IN_NONE`), and what it ends. */
export type PostedLine = PostableLine & { readonly segment: number; readonly beginning: Beginning }

export interface BookPosterOptions {
  readonly store: Pick<LedgerStore, 'postBooks'>
  readonly nodeId: string
  readonly clock: Clock
  readonly linesMax?: number
  /** Posted, or refused for good: the log need not keep it. */
  onPosted(lines: readonly PostedLine[]): void
  /** The store refuses this line whatever happens; nothing else is held up by it. */
  onRefused(line: PostedLine, cause: unknown): void
  /** There was no room in memory. */
  onSpilled(line: PostedLine): void
  /** The store began, or ceased, to take lines. */
  onState(isTaking: boolean, cause?: unknown): void
}

export class BookPoster {
  readonly #options: BookPosterOptions
  readonly #behind: WriteBehind
  #waiting: PostedLine[] = []
  /** How many came, and how many of them wait no more. */
  #came = 0
  #went = 0
  /** Of those that wait: the store refused them, while others of their batch were not posted. */
  readonly #refused = new Set<PostedLine>()
  #isTaking = true

  constructor(options: BookPosterOptions) {
    this.#options = options
    this.#behind = new WriteBehind({
      clock: options.clock,
      gatherMs: POST_AFTER_MS,
      retryMinMs: RETRY_MS,
      retryMaxMs: RETRY_MS_MAX,
      hasMore: () => this.#waiting.length > 0,
      write: () => this.#postWaiting(),
    })
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Whether the last post was taken. */
  get isTaking(): boolean {
    return this.#isTaking
  }

  add(line: PostedLine): void {
    if (this.#waiting.length >= (this.#options.linesMax ?? WAITING_LINES_MAX)) {
      this.#options.onSpilled(line)
      return
    }
    this.#waiting.push(line)
    this.#came += 1
    this.#behind.soon()
  }

  /** Posts all that waits now; resolves when there is nothing left, or the store does not take it. */
  flush(): Promise<void> {
    return this.#behind.flush()
  }

  /** Posts what waits now, and not all that comes meanwhile; false where the store does not take it. */
  async postSoFar(): Promise<boolean> {
    const came = this.#came
    await this.#behind.flush(() => this.#went < came)
    return this.#went >= came
  }

  /** Nothing is posted from now on, but by `flush`. */
  stop(): void {
    this.#behind.stop()
  }

  /** False where the store does not take anything now. What comes meanwhile gathers for the next time. */
  async #postWaiting(): Promise<boolean> {
    const came = this.#came
    while (this.#went < came) {
      const batch = this.#waiting.slice(0, BATCH_LINES_MAX)
      if (!(await this.#postBatch(batch))) return false
      this.#waiting.splice(0, batch.length)
      this.#went += batch.length
      this.#refused.clear()
      this.#options.onPosted(batch)
    }
    return true
  }

  async #postBatch(batch: readonly PostedLine[]): Promise<boolean> {
    try {
      await postLines(this.#refused.size === 0 ? batch : batch.filter((line) => !this.#refused.has(line)), {
        post: (entries, requests) => this.#postOnce(entries, requests),
        onRefused: (line, cause) => {
          this.#refused.add(line)
          this.#options.onRefused(line, cause)
        },
      })
      return true
    } catch (cause) {
      if (this.#isTaking) this.#options.onState(false, cause)
      this.#isTaking = false
      return false
    }
  }

  async #postOnce(entries: readonly LedgerEntry[], requests: readonly RequestRow[]): Promise<void> {
    const { store, nodeId } = this.#options
    failpoint('settled-unposted')
    await store.postBooks({ nodeId, entries, requests })
    failpoint('posted')
    if (!this.#isTaking) this.#options.onState(true)
    this.#isTaking = true
  }
}
