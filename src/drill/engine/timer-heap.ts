/** A binary heap of timers, the earliest first; those cancelled are dropped when they come up, or when they are many. */

import type { Timer } from '../../std/clock.ts'

export interface WaitingTimer {
  readonly dueMs: number
  readonly callback: () => void
}

/** Fewer cancelled timers than this are not worth a rebuild. */
const CANCELLED_KEPT = 1_024

class HeapTimer implements Timer, WaitingTimer {
  readonly dueMs: number
  readonly number: number
  readonly callback: () => void
  readonly #heap: TimerHeap
  state: 'waiting' | 'cancelled' | 'taken' = 'waiting'

  constructor(heap: TimerHeap, number: number, due: WaitingTimer) {
    this.#heap = heap
    this.number = number
    this.dueMs = due.dueMs
    this.callback = due.callback
  }

  cancel(): void {
    if (this.state !== 'waiting') return
    this.state = 'cancelled'
    this.#heap.noteCancelled()
  }
}

export class TimerHeap {
  #timers: HeapTimer[] = []
  #added = 0
  #cancelled = 0

  get size(): number {
    return this.#timers.length - this.#cancelled
  }

  add(dueMs: number, callback: () => void): Timer {
    const timer = new HeapTimer(this, this.#added, { dueMs, callback })
    this.#added += 1
    this.#timers.push(timer)
    this.#rise(this.#timers.length - 1)
    return timer
  }

  /** The earliest that was not cancelled. */
  take(): WaitingTimer | undefined {
    for (;;) {
      const timer = this.#pop()
      if (timer === undefined) return undefined
      if (timer.state === 'cancelled') {
        this.#cancelled -= 1
        continue
      }
      timer.state = 'taken'
      return timer
    }
  }

  noteCancelled(): void {
    this.#cancelled += 1
    if (this.#cancelled < CANCELLED_KEPT || this.#cancelled * 2 < this.#timers.length) return
    // A sorted list is a heap.
    this.#timers = this.#timers.filter((timer) => timer.state === 'waiting').sort(compare)
    this.#cancelled = 0
  }

  #pop(): HeapTimer | undefined {
    const timers = this.#timers
    const [first] = timers
    const last = timers.pop()
    if (first !== undefined && last !== undefined && last !== first) {
      timers[0] = last
      this.#sink()
    }
    return first
  }

  #rise(from: number): void {
    const timers = this.#timers
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(timers[at], timers[parent])) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #sink(): void {
    const timers = this.#timers
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= timers.length) return
      const right = left + 1
      const child = right < timers.length && isBefore(timers[right], timers[left]) ? right : left
      if (!isBefore(timers[child], timers[at])) return
      this.#swap(at, child)
      at = child
    }
  }

  #swap(one: number, other: number): void {
    const timers = this.#timers
    const held = timers[one]
    const moved = timers[other]
    if (held === undefined || moved === undefined) return
    timers[one] = moved
    timers[other] = held
  }
}

function isBefore(one: HeapTimer | undefined, other: HeapTimer | undefined): boolean {
  return one !== undefined && other !== undefined && compare(one, other) < 0
}

function compare(one: HeapTimer, other: HeapTimer): number {
  return one.dueMs - other.dueMs || one.number - other.number
}
