import { expect, test } from 'vitest'
import { ManualClock } from './manual-clock.test-support.ts'
import { WriteBehind } from './write-behind.ts'

function stage() {
  const clock = new ManualClock()
  const writtenAtMs: number[] = []
  const state = { waiting: 0, isTaking: true, perWrite: 10 }
  const behind = new WriteBehind({
    clock,
    gatherMs: 20,
    retryMinMs: 100,
    retryMaxMs: 300,
    hasMore: () => state.waiting > 0,
    async write() {
      writtenAtMs.push(clock.nowMs())
      if (!state.isTaking) return false
      state.waiting = Math.max(0, state.waiting - state.perWrite)
      return true
    },
  })
  return {
    clock,
    behind,
    state,
    writtenAtMs,
    come(count: number) {
      state.waiting += count
      behind.soon()
    },
    async pass(ms: number) {
      for (let left = ms; left > 0; left -= 10) {
        clock.advance(10)
        for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
      }
    },
  }
}

test('what came within a moment is written together, and what is left after another', async () => {
  const { clock, writtenAtMs, come, pass } = stage()
  come(5)
  await pass(10)
  come(10)
  await pass(100)
  expect(writtenAtMs).toEqual([20, 40])
  expect(clock.pendingTimers).toBe(0)
})

test('what is not taken is tried again, ever later up to a bound, and as before once it is taken', async () => {
  const { state, writtenAtMs, come, pass } = stage()
  state.isTaking = false
  come(1)
  await pass(1_020)
  expect(writtenAtMs).toEqual([20, 120, 320, 620, 920])
  state.isTaking = true
  await pass(300)
  come(1)
  await pass(20)
  expect(writtenAtMs.slice(5)).toEqual([1_220, 1_340])
})

test('a flush writes all, after what is being written, and ends where it is not taken', async () => {
  const { behind, state, writtenAtMs, come } = stage()
  come(25)
  await Promise.all([behind.flush(), behind.flush()])
  expect(state.waiting).toBe(0)
  expect(writtenAtMs).toHaveLength(3)
  state.isTaking = false
  come(1)
  await behind.flush()
  expect([state.waiting, writtenAtMs.length]).toEqual([1, 4])
})

test('once stopped nothing is written but by a flush', async () => {
  const { behind, clock, state, writtenAtMs, come, pass } = stage()
  come(1)
  behind.stop()
  come(1)
  await pass(1_000)
  expect(writtenAtMs).toEqual([])
  await behind.flush()
  expect([state.waiting, clock.pendingTimers]).toEqual([0, 0])
})
