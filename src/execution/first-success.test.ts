import { expect, test } from 'vitest'
import { ManualClock } from '../upstream/wall.ts'
import { firstSuccess } from './first-success.ts'

const AFTER_MS = 100

/** Two attempts that end when, and as, the test says; failures are negative numbers. */
function createPair({ isWanted = true } = {}) {
  const clock = new ManualClock()
  const first = Promise.withResolvers<number>()
  const second = Promise.withResolvers<number>()
  const outrun: number[] = []
  let begun = 1
  const result = firstSuccess<number, number>({
    first: () => first.promise,
    second: () => {
      if (!isWanted) return undefined
      begun += 1
      return second.promise
    },
    isFailure: (answer): answer is number => answer < 0,
    onOutrun: (failure) => outrun.push(failure),
    later: (begin) => clock.after(AFTER_MS, begin),
  })
  return { clock, first, second, result, outrun, begun: () => begun }
}

test('the second is not begun where the first ends before it is time', async () => {
  for (const answer of [1, -1]) {
    const { clock, first, result, begun } = createPair()
    clock.advance(AFTER_MS - 1)
    first.resolve(answer)
    expect(await result).toBe(answer)
    expect(clock.pendingTimers).toBe(0)
    clock.advance(AFTER_MS)
    expect(begun()).toBe(1)
  }
})

test('the second is begun when it is time, and its success is taken while the first is still running', async () => {
  const { clock, second, result, begun, outrun } = createPair()
  clock.advance(AFTER_MS)
  expect(begun()).toBe(2)
  second.resolve(2)
  expect(await result).toBe(2)
  expect(outrun).toEqual([])
})

test('a failure counts only when the other one has failed too', async () => {
  const { clock, first, second, result, outrun } = createPair()
  clock.advance(AFTER_MS)
  first.resolve(-1)
  await first.promise
  expect(outrun).toEqual([-1])
  second.resolve(-2)
  expect(await result).toBe(-2)
  expect(outrun).toEqual([-1])
})

test('a success after the failure of the other is a success', async () => {
  const { clock, first, second, result, outrun } = createPair()
  clock.advance(AFTER_MS)
  second.resolve(-2)
  await second.promise
  first.resolve(1)
  expect(await result).toBe(1)
  expect(outrun).toEqual([-2])
})

test('a second that turns out not to be wanted changes nothing', async () => {
  const { clock, first, result } = createPair({ isWanted: false })
  clock.advance(AFTER_MS)
  first.resolve(-1)
  expect(await result).toBe(-1)
})

test('what is no failure of an attempt ends both, and begins no second', async () => {
  const early = createPair()
  early.first.reject(new Error('left'))
  await expect(early.result).rejects.toThrow('left')
  expect(early.clock.pendingTimers).toBe(0)

  const late = createPair()
  late.clock.advance(AFTER_MS)
  late.second.reject(new Error('left'))
  await expect(late.result).rejects.toThrow('left')
  late.first.reject(new Error('left'))
})
