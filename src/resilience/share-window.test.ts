import { describe, expect, test } from 'vitest'
import { ShareWindow } from './share-window.ts'

/** A quarter of the whole and two, over ten buckets of 100. */
const createWindow = () => new ShareWindow({ share: 0.25, floor: 2, windowMs: 1_000 })

describe('what is left', () => {
  test('is the floor where nothing was noted', () => {
    const window = createWindow()
    expect([window.leftAt(0), window.wholeAt(0), window.extraAt(0)]).toEqual([2, 0, 0])
  })

  test('grows by its share of the whole, and shrinks by all of the extra', () => {
    const window = createWindow()
    window.noteWhole(8, 0)
    expect(window.leftAt(0)).toBe(4)
    window.noteExtra(3, 0)
    expect(window.leftAt(0)).toBe(1)
    window.noteWhole(4, 50)
    expect(window.leftAt(50)).toBe(2)
    expect([window.wholeAt(50), window.extraAt(50)]).toEqual([12, 3])
  })

  test('is negative once the whole has shrunk under the extra', () => {
    const window = createWindow()
    window.noteWhole(8, 0)
    window.noteExtra(4, 0)
    expect(window.leftAt(999)).toBe(0)
    expect(window.leftAt(1_000)).toBe(-2)
    expect(window.leftAt(1_100)).toBe(2)
  })
})

describe('a window forgets', () => {
  test('the whole with the tenth bucket after its own, and the extra with the eleventh', () => {
    const window = createWindow()
    window.noteWhole(4, 99)
    window.noteExtra(1, 99)
    expect([window.wholeAt(999), window.extraAt(999)]).toEqual([4, 1])
    expect([window.wholeAt(1_000), window.extraAt(1_000)]).toEqual([0, 1])
    expect([window.wholeAt(1_099), window.extraAt(1_099)]).toEqual([0, 1])
    expect([window.wholeAt(1_100), window.extraAt(1_100)]).toEqual([0, 0])
  })

  test('one bucket after the other, each with what was noted in it', () => {
    const window = createWindow()
    for (let bucket = 0; bucket < 10; bucket += 1) window.noteWhole(2 ** bucket, bucket * 100 + 50)
    const sums = Array.from({ length: 11 }, (_, bucket) => window.wholeAt(900 + bucket * 100))
    expect(sums).toEqual([1_023, 1_022, 1_020, 1_016, 1_008, 992, 960, 896, 768, 512, 0])
  })

  test('all that time passed over when it jumps, and nothing else', () => {
    const window = createWindow()
    for (let bucket = 0; bucket < 10; bucket += 1) window.noteExtra(2 ** bucket, bucket * 100)
    expect(window.extraAt(1_350)).toBe(1_023 - 7)
    window.noteExtra(5_000, 1_350)
    expect(window.extraAt(1_899)).toBe(5_000 + 512 + 256)
    expect(window.extraAt(2_399)).toBe(5_000)
    expect(window.extraAt(2_400)).toBe(0)
  })

  test('everything in a jump of exactly its length, or of many', () => {
    for (const ms of [1_000, 1_300, 1_000_000]) {
      const window = createWindow()
      for (let bucket = 0; bucket < 10; bucket += 1) window.noteWhole(1, bucket * 100)
      window.noteWhole(7, 900 + ms)
      expect(window.wholeAt(900 + ms)).toBe(7)
      expect(window.wholeAt(900 + ms + 999)).toBe(7)
      expect(window.wholeAt(900 + ms + 1_000)).toBe(0)
    }
  })

  test('as late as ever after a silence, whether it was asked meanwhile or not', () => {
    for (const asks of [[], [400, 5_000, 70_000]]) {
      const window = createWindow()
      for (const nowMs of asks) expect(window.wholeAt(nowMs)).toBe(0)
      window.noteWhole(3, 80_010)
      expect(window.wholeAt(80_999)).toBe(3)
      expect(window.wholeAt(81_000)).toBe(0)
    }
  })
})

describe('a clock that goes back', () => {
  test('neither forgets nor brings back, and what is noted counts for the newest moment that was seen', () => {
    const window = createWindow()
    window.noteWhole(1, 0)
    window.noteWhole(2, 550)
    window.noteWhole(4, 150)
    expect(window.wholeAt(0)).toBe(7)
    expect(window.wholeAt(1_000)).toBe(6)
    expect(window.wholeAt(999)).toBe(6)
    expect(window.wholeAt(1_499)).toBe(6)
    expect(window.wholeAt(1_500)).toBe(0)
    expect(window.wholeAt(550)).toBe(0)
  })

  test('also not where it goes back to the beginning of the same bucket', () => {
    const window = createWindow()
    window.noteExtra(1, 199)
    window.noteExtra(1, 100)
    expect(window.extraAt(100)).toBe(2)
    expect(window.extraAt(1_199)).toBe(2)
  })
})

test('a window is idle once both the whole and the extra are forgotten', () => {
  const whole = createWindow()
  expect(whole.isIdleAt(0)).toBe(true)
  whole.noteWhole(1, 0)
  expect([0, 999, 1_000].map((nowMs) => whole.isIdleAt(nowMs))).toEqual([false, false, true])
  const extra = createWindow()
  extra.noteExtra(1, 0)
  expect([0, 1_000, 1_099, 1_100].map((nowMs) => extra.isIdleAt(nowMs))).toEqual([false, false, false, true])
})

test('integers are forgotten exactly, however large they are', () => {
  const window = createWindow()
  window.noteWhole(2 ** 52 - 1, 0)
  window.noteWhole(1, 100)
  expect(window.wholeAt(100)).toBe(2 ** 52)
  expect(window.wholeAt(1_000)).toBe(1)
})

test('a jump of a hundred thousand years costs no more than one of a second', () => {
  const window = createWindow()
  const farMs = 2 ** 52
  window.noteWhole(1, farMs)
  window.noteWhole(2, 2 * farMs)
  expect(window.wholeAt(2 * farMs)).toBe(2)
})
