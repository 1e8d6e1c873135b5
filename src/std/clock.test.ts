import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Clock, repeat, sleep, systemClock } from './clock.ts'
import { ManualClock } from './manual-clock.test-support.ts'

describe('the system clock', () => {
  test('never calls before the time by its own monotonic clock', async () => {
    const early = await Promise.all(
      Array.from({ length: 60 }, (_, index) => {
        const delayMs = 1 + index * 0.37
        const startMs = systemClock.nowMs()
        return keepingAlive(
          new Promise<boolean>((resolve) => {
            systemClock.after(delayMs, () => resolve(systemClock.nowMs() - startMs < delayMs))
          }),
        )
      }),
    )
    expect(early).not.toContain(true)
  })

  test('does not hold the process open', () => {
    const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const timer = systemClock.after(1_000, () => {})
    expect(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout')).toHaveLength(before)
    timer.cancel()
  })

  test('tells wall time in ms since the epoch and monotonic time with a fraction', () => {
    expect(Math.abs(systemClock.wallMs() - Date.now())).toBeLessThan(1_000)
    const first = systemClock.nowMs()
    expect(systemClock.nowMs()).toBeGreaterThanOrEqual(first)
  })
})

describe('under held time', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('a cancelled timer is not called, and cancelling again does nothing', () => {
    const callback = vi.fn<() => void>()
    const timer = systemClock.after(10, callback)
    timer.cancel()
    timer.cancel()
    vi.advanceTimersByTime(100)
    expect(callback).not.toHaveBeenCalled()
  })

  test('a timer calls once', () => {
    const callback = vi.fn<() => void>()
    systemClock.after(10, callback)
    vi.advanceTimersByTime(9)
    expect(callback).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1_000)
    expect(callback).toHaveBeenCalledTimes(1)
  })

  test('delays of nothing and less call soon', () => {
    const callback = vi.fn<() => void>()
    for (const delayMs of [0, -5, Number.NaN]) systemClock.after(delayMs, callback)
    vi.advanceTimersByTime(2)
    expect(callback).toHaveBeenCalledTimes(3)
  })

  test('delays longer than Node’s timers take do not wrap to nothing', () => {
    const callback = vi.fn<() => void>()
    const dayMs = 86_400_000
    systemClock.after(40 * dayMs, callback)
    systemClock.after(Number.POSITIVE_INFINITY, callback).cancel()
    vi.advanceTimersByTime(39 * dayMs)
    expect(callback).not.toHaveBeenCalled()
    vi.advanceTimersByTime(2 * dayMs)
    expect(callback).toHaveBeenCalledTimes(1)
  })
})

describe('repeat', () => {
  const turn = () => new Promise((resolve) => setImmediate(resolve))

  test('the next time comes after the last one is over, until it is cancelled', async () => {
    const clock = new ManualClock()
    const ends: (() => void)[] = []
    const repeated = repeat(clock, 10, () => new Promise<void>((resolve) => ends.push(resolve)))
    clock.advance(9)
    expect(ends).toHaveLength(0)
    clock.advance(100)
    await turn()
    expect([ends.length, clock.pendingTimers]).toEqual([1, 0])
    ends[0]?.()
    await turn()
    clock.advance(10)
    expect([ends.length, clock.pendingTimers]).toEqual([2, 0])
    repeated.cancel()
    ends[1]?.()
    await turn()
    clock.advance(100)
    expect([ends.length, clock.pendingTimers]).toEqual([2, 0])
  })

  test('cancelled before the first time it does nothing', () => {
    const clock = new ManualClock()
    const work = vi.fn<() => void>()
    repeat(clock, 10, work).cancel()
    clock.advance(100)
    expect(work).not.toHaveBeenCalled()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('sleep', () => {
  test('ends when its time has come', async () => {
    const { clock, run } = handClock()
    const sleeping = sleep(clock, 10)
    run()
    await expect(sleeping).resolves.toBeUndefined()
  })

  test('an abort ends it with the reason, takes the timer back and leaves no listener', async () => {
    const { clock, pending } = handClock()
    const controller = new AbortController()
    const remove = vi.spyOn(controller.signal, 'removeEventListener')
    const sleeping = sleep(clock, 10, controller.signal)
    controller.abort(new Error('gone'))
    await expect(sleeping).rejects.toThrow('gone')
    expect(pending()).toBe(0)
    expect(remove).not.toHaveBeenCalled()
  })

  test('a signal already aborted starts no timer', async () => {
    const { clock, pending } = handClock()
    await expect(sleep(clock, 10, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
    expect(pending()).toBe(0)
  })

  test('leaves no listener behind on a signal that lives on', async () => {
    const { clock, run } = handClock()
    const { signal } = new AbortController()
    const added = vi.spyOn(signal, 'addEventListener')
    const removed = vi.spyOn(signal, 'removeEventListener')
    const sleeping = sleep(clock, 10, signal)
    run()
    await sleeping
    expect(removed.mock.calls[0]?.[1]).toBe(added.mock.calls[0]?.[1])
  })
})

/** A clock whose timers are called by hand. */
function handClock(): { clock: Clock; run: () => void; pending: () => number } {
  const callbacks = new Set<() => void>()
  const clock: Clock = {
    wallMs: () => 0,
    nowMs: () => 0,
    after(_delayMs, callback) {
      callbacks.add(callback)
      return { cancel: () => callbacks.delete(callback) }
    },
  }
  return {
    clock,
    run: () => {
      for (const callback of callbacks) callback()
    },
    pending: () => callbacks.size,
  }
}

/** Timers of the clock do not hold the process; this one does until `promise` settles. */
async function keepingAlive<Value>(promise: Promise<Value>): Promise<Value> {
  const hold = setInterval(() => {}, 1_000)
  try {
    return await promise
  } finally {
    clearInterval(hold)
  }
}
