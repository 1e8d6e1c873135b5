/**
 * Time that passes only when everybody waits: a heap of timers, and a loop that lets all that can happen happen, then
 * jumps to the next timer. Equal moments come in the order in which they were asked for.
 */

import type { Clock, Timer } from '../../std/clock.ts'
import { TimerHeap, type WaitingTimer } from './timer-heap.ts'

/** Where wall-clock time begins, ms since the Unix epoch: 2026-01-05 00:00 UTC, a Monday. */
export const VIRTUAL_EPOCH_MS = 1_767_571_200_000
/** Timers that fire without time passing: beyond it something turns in a circle. */
const STEPS_WITHOUT_TIME_MAX = 1_000_000
/**
 * Node runs every microtask between two immediates of one turn, so a turn may hold many steps; a turn of its own for each
 * would cost a system call each.
 */
const STEPS_PER_TURN = 64

/** `over`: the condition came true. `idle`: nothing is left that could make it true. */
export type RunEnd = 'over' | 'idle'

export class VirtualClock implements Clock {
  readonly #heap = new TimerHeap()
  #nowMs = 0
  #stepsWithoutTime = 0

  wallMs(): number {
    return VIRTUAL_EPOCH_MS + Math.floor(this.#nowMs)
  }

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): Timer {
    const dueMs = this.#nowMs + (delayMs > 0 ? delayMs : 0)
    return this.#heap.add(dueMs, callback)
  }

  /** Timers that wait now. */
  get pendingTimers(): number {
    return this.#heap.size
  }

  /** Lets time pass until the condition is true, looked at after each step. Rejects with what a timer's callback threw. */
  run(isOver: () => boolean): Promise<RunEnd> {
    return new Promise((resolve, reject) => {
      let isDone = false
      const finish = (end: RunEnd) => {
        isDone = true
        resolve(end)
      }
      const step = () => {
        if (isDone) return
        try {
          if (isOver()) return finish('over')
          const next = this.#heap.take()
          if (next === undefined) return finish('idle')
          this.#fire(next)
        } catch (error) {
          isDone = true
          reject(error)
        }
      }
      const turn = () => {
        step()
        if (isDone) return
        for (let more = 2; more < STEPS_PER_TURN; more += 1) setImmediate(step)
        setImmediate(turn)
      }
      setImmediate(turn)
    })
  }

  #fire(timer: WaitingTimer): void {
    if (timer.dueMs > this.#nowMs) {
      this.#nowMs = timer.dueMs
      this.#stepsWithoutTime = 0
    } else {
      this.#stepsWithoutTime += 1
      if (this.#stepsWithoutTime > STEPS_WITHOUT_TIME_MAX)
        throw new Error(`time stands still at ${this.#nowMs} ms: something turns in a circle`)
    }
    timer.callback()
  }
}
