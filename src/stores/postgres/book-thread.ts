/** The facade's end of the thread that adds up spending and makes blocks; it is started when it is first needed. */

import type { Clock } from '../../std/clock.ts'
import type { Notice } from '../../std/notice.ts'
import { within } from '../../std/within.ts'
import type { SpendQuery, SpendRow } from '../../reports/report-store.ts'
import { WorkerThread } from '../worker-thread.ts'
import { POSTED_ENTRIES_MAX, POSTINGS_MAX } from './block-builder.ts'

export interface BookWorkerSetup {
  readonly url: string
  /** Of a report, or of a step that makes blocks. */
  readonly deadlineMs: number
}

export interface BookOperations {
  spend(query: SpendQuery): readonly SpendRow[]
  /** One step; true where there is more to be done. */
  build(): boolean
  close(): void
}

/** Postings before the thread is started: whoever posts a little and goes does without it. */
const FIRST_POSTINGS = 10
/** After a step that could not be made. */
const TRY_AGAIN_MS = 5_000
/** Failures in a row before it is told. */
const FAILURES_TOLD = 3

export interface BookThreadOptions {
  readonly clock: Clock
  readonly onNotice?: ((notice: Notice) => void) | undefined
}

export class BookThread {
  readonly #thread: WorkerThread<BookOperations>
  readonly #clock: Clock
  readonly #deadlineMs: number
  readonly #onNotice: ((notice: Notice) => void) | undefined
  /** Since the last block. What there is from before, one of the first postings finds out about. */
  #entries = 0
  #postings = POSTINGS_MAX - FIRST_POSTINGS
  #building: Promise<void> | undefined
  #notBeforeMs = 0
  #failures = 0
  #isClosed = false

  constructor(setup: BookWorkerSetup, { clock, onNotice }: BookThreadOptions) {
    this.#thread = new WorkerThread({
      file: new URL('./book-worker.ts', import.meta.url),
      setup,
      name: 'postgres-books',
      onNotice,
    })
    this.#clock = clock
    this.#onNotice = onNotice
    this.#deadlineMs = setup.deadlineMs
  }

  /** Reports wait for one another, and none of them longer than its deadline. */
  spend(query: SpendQuery): Promise<readonly SpendRow[]> {
    return within(
      this.#clock,
      this.#deadlineMs,
      this.#thread.call('spend', query),
      'The report was not ready',
    )
  }

  /** Makes blocks once there is enough for them. Nobody waits for that. */
  noteEntries(entries: number): void {
    this.#entries += entries
    this.#postings += 1
    this.#buildIfEnough()
  }

  /** Makes blocks now, of whatever there is for them. */
  build(): void {
    this.#entries = POSTED_ENTRIES_MAX
    this.#buildIfEnough()
  }

  #buildIfEnough(): void {
    if (!this.#isEnough || this.#isClosed || this.#clock.nowMs() < this.#notBeforeMs) return
    this.#building ??= this.#build().finally(() => {
      this.#building = undefined
    })
  }

  /** The same after a copy, however long it takes: whoever opens the store next finds it done. */
  async noteCopy(entries: number): Promise<void> {
    this.noteEntries(entries)
    await this.#building
  }

  /** The tables are others than before: nothing of them that was remembered counts any more. */
  forget(): void {
    void this.#thread.close()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#thread.close()
    await this.#building
  }

  get #isEnough(): boolean {
    return this.#entries >= POSTED_ENTRIES_MAX || this.#postings >= POSTINGS_MAX
  }

  async #build(): Promise<void> {
    try {
      // What is posted meanwhile may come too late for the last step.
      while (this.#isEnough && !this.#isClosed) {
        this.#entries = 0
        this.#postings = 0
        while ((await this.#thread.call('build')) && !this.#isClosed);
        this.#failures = 0
      }
    } catch (error) {
      // Reports read what is in no block yet from where it is: a later posting tries again.
      this.#entries = POSTED_ENTRIES_MAX
      this.#notBeforeMs = this.#clock.nowMs() + TRY_AGAIN_MS
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    this.#failures += 1
    if (this.#failures !== FAILURES_TOLD || this.#isClosed) return
    const reason = error instanceof Error ? error.message : String(error)
    this.#onNotice?.({
      level: 'warn',
      name: 'blocks_behind',
      message: `Entries of the books could not be put into blocks ${FAILURES_TOLD} times in a row: ${reason} Nothing is lost and reports stay right, but they take longer the more entries wait.`,
    })
  }
}
