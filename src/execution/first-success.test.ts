import { expect, test } from 'vitest'
import { ManualClock } from '../upstream/wall.ts'
import { firstSuccess } from './first-success.ts'

const AFTER_MS = 100
/** What an attempt ends with that another one was faster than. */
const BEATEN = -99

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
    isBeaten: (failure) => failure === BEATEN,
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

test('one that was beaten is never the result: what the winner failed of is', async () => {
  const { clock, first, second, result, outrun } = createPair()
  clock.advance(AFTER_MS)
  second.resolve(-2)
  await second.promise
  expect(outrun).toEqual([-2])
  first.resolve(BEATEN)
  expect(await result).toBe(-2)
})

test('one that was beaten first is not told of, and the failure of the other is the result', async () => {
  const { clock, first, second, result, outrun } = createPair()
  clock.advance(AFTER_MS)
  first.resolve(BEATEN)
  await first.promise
  second.resolve(-2)
  expect(await result).toBe(-2)
  expect(outrun).toEqual([])
})

test('a second that cannot even be begun is not wanted: the first goes on', async () => {
  const clock = new ManualClock()
  const first = Promise.withResolvers<number>()
  const result = firstSuccess<number, number>({
    first: () => first.promise,
    second: () => {
      throw new Error('the request cannot be said so')
    },
    isFailure: (answer): answer is number => answer < 0,
    isBeaten: () => false,
    onOutrun: () => {},
    later: (begin) => clock.after(AFTER_MS, begin),
  })
  clock.advance(AFTER_MS)
  first.resolve(1)
  expect(await result).toBe(1)
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
