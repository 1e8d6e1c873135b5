import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Clock } from './clock.ts'
import {
  LAG_REST_MS,
  LAG_SAMPLE_MS,
  LAG_STUCK_MS,
  LAG_WINDOW_MS,
  type LagEpisode,
  watchEventLoop,
} from './event-loop-lag.ts'

const LAG_MAX_MS = 200

/** A loop that turns when told, and is held up for as long as told: due timers fire at the end of a turn. */
function createLoop() {
  let nowMs = 5_000
  let due: { readonly atMs: number; readonly callback: () => void }[] = []
  const clock: Clock = {
    wallMs: () => nowMs,
    nowMs: () => nowMs,
    after(delayMs, callback) {
      const timer = { atMs: nowMs + delayMs, callback }
      due.push(timer)
      return { cancel: () => (due = due.filter((other) => other !== timer)) }
    },
  }
  return {
    clock,
    get pending() {
      return due.length
    },
    /** One turn that takes `ms`. */
    block(ms: number) {
      nowMs += ms
      const ready = due.filter(({ atMs }) => atMs <= nowMs)
      due = due.filter(({ atMs }) => atMs > nowMs)
      for (const { callback } of ready) callback()
    },
    /** So long without anything to do. */
    idle(ms: number) {
      for (let turn = 0; turn < ms; turn += 1) this.block(1)
    },
  }
}

function createWatched() {
  const loop = createLoop()
  const begun: LagEpisode[] = []
  const ended: LagEpisode[] = []
  const samples: number[] = []
  const beside = { count: 0 }
  const lag = watchEventLoop({
    clock: loop.clock,
    onSample: () => samples.push(loop.clock.nowMs()),
    countStuck: () => beside.count,
    lagMaxMs: () => LAG_MAX_MS,
    onOverload: (episode) => begun.push(episode),
    onRecovery: (episode) => ended.push(episode),
  })
  return { loop, lag, begun, ended, samples, beside }
}

describe('fault 137: the event loop', () => {
  test('in time is not overloaded, and its lateness is nothing', () => {
    const { loop, lag } = createWatched()
    loop.idle(3_000)
    expect([lag.isOverloaded, lag.lagMs]).toEqual([false, 0])
  })

  test('held up once, shorter than a window, is not overloaded; how late it was is known for a window', () => {
    const { loop, lag } = createWatched()
    loop.idle(2_000)
    loop.block(700)
    loop.idle(50)
    expect(lag.isOverloaded).toBe(false)
    expect(lag.lagMs).toBeGreaterThan(500)
    loop.idle(LAG_WINDOW_MS + LAG_SAMPLE_MS)
    expect(lag.lagMs).toBe(0)
  })

  test('held up for five seconds is overloaded, and said so once with the longest lateness', () => {
    const { loop, lag, begun, ended } = createWatched()
    loop.idle(2_000)
    loop.block(5_000)
    expect(lag.isOverloaded).toBe(true)
    expect(begun).toHaveLength(1)
    expect(begun[0]?.longestMs).toBeGreaterThan(4_800)
    loop.block(6_000)
    expect(begun).toHaveLength(1)
    loop.idle(3_000)
    expect(lag.isOverloaded).toBe(false)
    expect(ended).toHaveLength(1)
    expect(ended[0]?.longestMs).toBeGreaterThan(5_800)
    expect(ended[0]?.durationMs).toBeGreaterThan(6_000)
  })

  test('late in every turn for a window is overloaded, and well only after a calm window', () => {
    const { loop, lag } = createWatched()
    loop.idle(2_000)
    for (let turn = 0; turn < 4; turn += 1) loop.block(500)
    expect(lag.isOverloaded).toBe(true)
    loop.idle(LAG_WINDOW_MS / 2)
    expect(lag.isOverloaded).toBe(true)
    loop.idle(LAG_WINDOW_MS)
    expect(lag.isOverloaded).toBe(false)
  })

  test('does not flutter where it is late by more than half of the bound', () => {
    const { loop, lag, begun, ended } = createWatched()
    loop.idle(2_000)
    for (let turn = 0; turn < 4; turn += 1) loop.block(500)
    for (let turn = 0; turn < 40; turn += 1) loop.block(LAG_SAMPLE_MS + 150)
    expect(lag.isOverloaded).toBe(true)
    expect([begun.length, ended.length]).toEqual([1, 0])
  })

  test('busy with a start is not judged before a window is over', () => {
    const { loop, lag } = createWatched()
    loop.block(900)
    expect(lag.isOverloaded).toBe(false)
  })

  test('held up for longer than any load does is stuck where that was seen from beside it, and not where all was stopped', () => {
    const { loop, lag, beside } = createWatched()
    loop.idle(200)
    loop.block(LAG_STUCK_MS + 2 * LAG_SAMPLE_MS)
    loop.block(3_600_000)
    expect(lag.isStuck).toBe(false)
    beside.count += 1
    expect(lag.isStuck).toBe(true)
    loop.idle(LAG_REST_MS)
    expect(lag.isStuck).toBe(false)
  })

  test('that was stuck is trusted again after a rest without another such moment', () => {
    const { loop, lag, beside } = createWatched()
    loop.idle(200)
    beside.count += 1
    loop.block(LAG_STUCK_MS + 2 * LAG_SAMPLE_MS)
    expect(lag.isStuck).toBe(true)
    loop.idle(LAG_REST_MS - 1_000)
    expect([lag.isStuck, lag.isOverloaded]).toEqual([true, false])
    loop.block(LAG_STUCK_MS + 2 * LAG_SAMPLE_MS)
    loop.idle(LAG_REST_MS - 1)
    expect(lag.isStuck).toBe(true)
    loop.idle(2)
    expect(lag.isStuck).toBe(false)
  })

  test('is told of at each sample, while it turns', () => {
    const { loop, samples } = createWatched()
    loop.idle(10 * LAG_SAMPLE_MS)
    expect(samples).toHaveLength(10)
    loop.block(5_000)
    expect(samples).toHaveLength(11)
  })

  test('is no longer watched once that is stopped', () => {
    const { loop, lag } = createWatched()
    loop.idle(1_000)
    lag.stop()
    expect(loop.pending).toBe(0)
  })
})

test('however the loop turns: overload begins only where all of a window was late, and each beginning has one end', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 2_500 }), { maxLength: 60 }), (turns) => {
      const { loop, lag, begun, ended } = createWatched()
      loop.idle(1_500)
      for (const ms of turns) loop.block(ms)
      const longest = Math.max(0, ...turns)
      if (longest <= LAG_MAX_MS) expect(begun).toEqual([])
      for (const { longestMs } of begun) expect(longestMs).toBeGreaterThan(LAG_MAX_MS)
      expect(begun.length - ended.length).toBe(lag.isOverloaded ? 1 : 0)
      loop.idle(2 * LAG_WINDOW_MS + LAG_SAMPLE_MS)
      expect(lag.isOverloaded).toBe(false)
      expect(ended).toHaveLength(begun.length)
    }),
  )
})
