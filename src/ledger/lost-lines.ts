/**
 * Counts lines of the books that were lost, since neither the store nor the disk took them and memory was full, and tells of
 * them: of the first at once, then now and then, and with the number when it is over.
 */

import type { Notice } from '../std/notice.ts'

/** How often it is told of lines that go on being lost, ms. */
export const LOSS_TOLD_MS = 60_000

export interface LostLinesOptions {
  readonly nowMs: () => number
  readonly onNotice: (notice: Notice) => void
}

export class LostLines {
  readonly #options: LostLinesOptions
  #count = 0
  #isLosing = false
  #told = 0
  #toldAtMs = 0

  constructor(options: LostLinesOptions) {
    this.#options = options
  }

  /** Since the start. */
  get count(): number {
    return this.#count
  }

  /** Another line is lost. */
  add(): void {
    this.#count += 1
    const isLater = this.#options.nowMs() - this.#toldAtMs >= LOSS_TOLD_MS
    if (this.#isLosing && !isLater) return
    this.#isLosing = true
    this.#tell(
      `Neither the store nor the disk takes the books, and memory is full: lines are lost, ${this.#count} until now.`,
    )
  }

  /** There is room for lines again. */
  end(): void {
    this.#isLosing = false
    if (this.#count > this.#told)
      this.#tell(`The books are kept again; ${this.#count} of their lines were lost since the start.`)
  }

  #tell(message: string): void {
    this.#told = this.#count
    this.#toldAtMs = this.#options.nowMs()
    this.#options.onNotice({
      level: 'error',
      name: 'books_lines_lost',
      message,
      facts: { lines: this.#count },
    })
  }
}
