import { describe, expect, test } from 'vitest'
import {
  createFirstTokenTimes,
  FIRST_TOKEN_TARGETS_MAX,
  type FirstTokenTimes,
  PENALTY_MAX_MS,
  PENALTY_MS,
  type PromptBucket,
  promptBucket,
} from './first-token-times.ts'
import { PEAK_TAU_MS, USUAL_TAU_MS } from './peak-average.ts'
import { SAMPLE_AGE_MAX_MS, SAMPLES_MAX, SAMPLES_MIN } from './recent-samples.ts'

/** Notes each value for target `a`, all at one moment. */
function noteAll(times: FirstTokenTimes, values: readonly number[], nowMs = 0, bucket: PromptBucket = 0) {
  for (const value of values) times.note('a', bucket, value, nowMs)
}

/** 1, 2, 3 and so on. */
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at + 1)

/** In an order that is neither rising nor falling. */
const mixed = (count: number) => upTo(count).map((value) => (value * 7) % (count + 1))

test('prompts are told apart by the bytes of their body', () => {
  const sizes = [0, 4_095, 4_096, 32_767, 32_768, 262_143, 262_144, 10_000_000]
  expect(sizes.map(promptBucket)).toEqual([0, 0, 1, 1, 2, 2, 3, 3])
})

describe('a quantile', () => {
  test('is not known before there are twenty samples', () => {
    const times = createFirstTokenTimes()
    expect(times.quantileMs('a', 0, 0.5, 0)).toBeUndefined()
    noteAll(times, mixed(SAMPLES_MIN - 1))
    expect(times.quantileMs('a', 0, 0.5, 0)).toBeUndefined()
    times.note('a', 0, 20, 0)
    expect(times.quantileMs('a', 0, 0.5, 0)).toBe(10)
  })

  test('is the sample of the nearest rank, in whatever order they came', () => {
    const orders = [
      upTo(20),
      upTo(20).reverse(),
      [20, 1, 19, 2, 18, 3, 17, 4, 16, 5, 15, 6, 14, 7, 13, 8, 12, 9, 11, 10],
    ]
    for (const values of orders) {
      const times = createFirstTokenTimes()
      noteAll(times, values)
      const found = [0.001, 0.05, 0.051, 0.5, 0.51, 0.95, 0.951, 0.999].map((p) =>
        times.quantileMs('a', 0, p, 0),
      )
      expect(found).toEqual([1, 1, 2, 10, 11, 19, 20, 20])
    }
  })

  test('stays within the samples where the share is all or nothing', () => {
    const times = createFirstTokenTimes()
    noteAll(times, upTo(20))
    expect([-1, 0, 1, 2].map((p) => times.quantileMs('a', 0, p, 0))).toEqual([1, 1, 20, 20])
  })

  test('is of the newest 64', () => {
    const times = createFirstTokenTimes()
    noteAll(times, upTo(SAMPLES_MAX))
    expect([0.001, 0.5, 0.999].map((p) => times.quantileMs('a', 0, p, 0))).toEqual([1, 32, 64])
    times.note('a', 0, 1_000, 0)
    expect([0.001, 0.5, 0.999].map((p) => times.quantileMs('a', 0, p, 0))).toEqual([2, 33, 1_000])
    noteAll(
      times,
      upTo(SAMPLES_MAX - 1).map((value) => value + 100),
    )
    expect([0.001, 0.5, 0.999].map((p) => times.quantileMs('a', 0, p, 0))).toEqual([101, 132, 1_000])
    times.note('a', 0, 50, 0)
    expect([0.001, 0.5, 0.999].map((p) => times.quantileMs('a', 0, p, 0))).toEqual([50, 131, 163])
  })

  test('forgets one of several equals at a time', () => {
    const times = createFirstTokenTimes()
    noteAll(times, Array<number>(SAMPLES_MAX).fill(7))
    noteAll(times, [1, 9, 7])
    expect([0.001, 0.015, 0.016, 0.984, 0.985].map((p) => times.quantileMs('a', 0, p, 0))).toEqual([
      1, 1, 7, 7, 9,
    ])
  })

  test('is of samples that are not older than half an hour', () => {
    const times = createFirstTokenTimes()
    noteAll(times, upTo(5), 0)
    noteAll(
      times,
      upTo(20).map((value) => value + 100),
      1_000,
    )
    expect(times.quantileMs('a', 0, 0.001, SAMPLE_AGE_MAX_MS)).toBe(1)
    expect(times.quantileMs('a', 0, 0.001, SAMPLE_AGE_MAX_MS + 1)).toBe(101)
    expect(times.quantileMs('a', 0, 0.999, SAMPLE_AGE_MAX_MS + 1_000)).toBe(120)
    expect(times.quantileMs('a', 0, 0.999, SAMPLE_AGE_MAX_MS + 1_001)).toBeUndefined()
    noteAll(
      times,
      upTo(20).map((value) => value + 200),
      SAMPLE_AGE_MAX_MS + 2_000,
    )
    expect(times.quantileMs('a', 0, 0.001, SAMPLE_AGE_MAX_MS + 2_000)).toBe(201)
  })

  test('is of one target and one size of prompt', () => {
    const times = createFirstTokenTimes()
    for (const bucket of [0, 1, 2, 3] as const)
      noteAll(times, Array<number>(20).fill(bucket * 100), 0, bucket)
    expect(([0, 1, 2, 3] as const).map((bucket) => times.quantileMs('a', bucket, 0.5, 0))).toEqual([
      0, 100, 200, 300,
    ])
    expect(times.quantileMs('b', 0, 0.5, 0)).toBeUndefined()
    times.note('b', 1, 100, 0)
    expect([0, 1].map((bucket) => times.quantileMs('b', bucket as PromptBucket, 0.5, 0))).toEqual([
      undefined,
      undefined,
    ])
  })

  test('is as a sorted list has it, whatever came before', () => {
    const times = createFirstTokenTimes()
    const all: number[] = []
    for (let at = 0; at < 300; at += 1) {
      const value = (at * at * 31 + at * 17) % 97
      all.push(value)
      times.note('a', 0, value, at)
      const newest = all.slice(-SAMPLES_MAX).sort((one, other) => one - other)
      if (newest.length < SAMPLES_MIN) continue
      for (const p of [0.01, 0.25, 0.5, 0.9, 0.99])
        expect(times.quantileMs('a', 0, p, at)).toBe(newest[Math.ceil(p * newest.length) - 1])
    }
  })
})

describe('the average', () => {
  test('is not known of a target that was never seen, or only called', () => {
    const times = createFirstTokenTimes()
    times.begin('a')
    expect(times.peakEwmaMs('a', 0)).toBeUndefined()
    expect(times.peakEwmaMs('b', 0)).toBeUndefined()
  })

  test('is the first time that came, also where that is 0', () => {
    const times = createFirstTokenTimes()
    times.note('a', 0, 120, 5_000)
    times.note('b', 0, 0, 5_000)
    expect([times.peakEwmaMs('a', 5_000), times.peakEwmaMs('b', 5_000)]).toEqual([120, 0])
  })

  test('is of prompts of every size', () => {
    const times = createFirstTokenTimes()
    times.note('a', 0, 100, 0)
    times.note('a', 3, 900, 0)
    expect(times.peakEwmaMs('a', 0)).toBe(900)
  })

  test('believes a slow answer at once, and a fast one by the time that has passed', () => {
    const times = createFirstTokenTimes()
    times.note('a', 0, 100, 0)
    times.note('a', 0, 900, 0)
    expect(times.peakEwmaMs('a', 0)).toBe(900)
    times.note('a', 0, 100, 0)
    expect(times.peakEwmaMs('a', 0)).toBe(900)
    times.note('a', 0, 100, PEAK_TAU_MS)
    expect(times.peakEwmaMs('a', PEAK_TAU_MS)).toBeCloseTo(100 + 800 / Math.E, 9)
  })

  test('falls in seconds to what is usual, and in minutes to nothing', () => {
    const times = createFirstTokenTimes()
    times.note('a', 0, 100, 0)
    times.note('a', 0, 900, 0)
    // The second has an eighth of the say in what is usual.
    const usual = 200
    for (const ms of [1, PEAK_TAU_MS, 60_000, USUAL_TAU_MS]) {
      const expected = usual * Math.exp(-ms / USUAL_TAU_MS) + (900 - usual) * Math.exp(-ms / PEAK_TAU_MS)
      expect(times.peakEwmaMs('a', ms)).toBeCloseTo(expected, 9)
    }
  })

  test('falls slowly where it is not above what is usual', () => {
    const times = createFirstTokenTimes()
    times.note('a', 0, 800, 0)
    times.note('a', 0, 0, 100 * PEAK_TAU_MS)
    // The usual level is 700; the peak has come down to the newest.
    expect(times.peakEwmaMs('a', 100 * PEAK_TAU_MS)).toBeCloseTo(0, 9)
    const other = createFirstTokenTimes()
    other.note('a', 0, 800, 0)
    expect(other.peakEwmaMs('a', USUAL_TAU_MS)).toBeCloseTo(800 / Math.E, 9)
  })

  test('takes an answer for a slow one by what is left of the peak', () => {
    const times = createFirstTokenTimes()
    times.note('a', 0, 800, 0)
    times.note('a', 0, 400, USUAL_TAU_MS)
    expect(times.peakEwmaMs('a', USUAL_TAU_MS)).toBe(400)
    // Usual are 750 now, and the peak is below them.
    expect(times.peakEwmaMs('a', 2 * USUAL_TAU_MS)).toBeCloseTo(400 / Math.E, 9)
  })

  test('counts the time between two answers, whenever the first of them came', () => {
    const times = createFirstTokenTimes()
    times.note('a', 0, 900, 70_000)
    times.note('a', 0, 100, 70_000 + PEAK_TAU_MS)
    expect(times.peakEwmaMs('a', 70_000 + PEAK_TAU_MS)).toBeCloseTo(100 + 800 / Math.E, 9)
  })

  test('is an answer as slow as was thought', () => {
    const times = createFirstTokenTimes()
    noteAll(times, [100, 900])
    const thought = times.peakEwmaMs('a', PEAK_TAU_MS) ?? Number.NaN
    times.note('a', 0, thought, PEAK_TAU_MS)
    expect(times.peakEwmaMs('a', PEAK_TAU_MS)).toBe(thought)
  })

  test('does not grow with a clock that goes back', () => {
    const times = createFirstTokenTimes()
    times.note('a', 0, 100, 10_000)
    times.penalise('a', 10_000)
    expect(times.peakEwmaMs('a', 0)).toBe(100 + PENALTY_MS)
    expect(times.peakEwmaMs('a', 10_000)).toBe(100 + PENALTY_MS)
  })
})

test('a time that makes no sense is ignored, and opens nothing', () => {
  const times = createFirstTokenTimes()
  for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    noteAll(times, Array<number>(SAMPLES_MIN).fill(value))
  expect(times.peakEwmaMs('a', 0)).toBeUndefined()
  expect(times.quantileMs('a', 0, 0.5, 0)).toBeUndefined()
})

describe('a refusal', () => {
  test('counts as five seconds, also for a target that never answered', () => {
    const times = createFirstTokenTimes()
    times.penalise('a', 1_000)
    expect(times.peakEwmaMs('a', 1_000)).toBe(PENALTY_MS)
  })

  test('comes on top of the time that the target takes, and fades as a peak does', () => {
    const times = createFirstTokenTimes()
    times.note('a', 0, 100, 0)
    times.penalise('a', 0)
    expect(times.peakEwmaMs('a', 0)).toBe(100 + PENALTY_MS)
    const ms = PEAK_TAU_MS
    const expected = 100 * Math.exp(-ms / USUAL_TAU_MS) + PENALTY_MS / Math.E
    expect(times.peakEwmaMs('a', ms)).toBeCloseTo(expected, 9)
  })

  test('adds to what is left of those before it', () => {
    const times = createFirstTokenTimes()
    times.penalise('a', 0)
    times.penalise('a', PEAK_TAU_MS)
    expect(times.peakEwmaMs('a', PEAK_TAU_MS)).toBeCloseTo(PENALTY_MS + PENALTY_MS / Math.E, 9)
    expect(times.peakEwmaMs('a', 2 * PEAK_TAU_MS)).toBeCloseTo((PENALTY_MS + PENALTY_MS / Math.E) / Math.E, 9)
  })

  test('adds up to thirty seconds at most', () => {
    const times = createFirstTokenTimes()
    const sums = upTo(8).map(() => {
      times.penalise('a', 0)
      return times.peakEwmaMs('a', 0)
    })
    expect(sums).toEqual([
      5_000,
      10_000,
      15_000,
      20_000,
      25_000,
      PENALTY_MAX_MS,
      PENALTY_MAX_MS,
      PENALTY_MAX_MS,
    ])
  })

  test('is no sample, and none of another target', () => {
    const times = createFirstTokenTimes()
    noteAll(times, upTo(20))
    times.penalise('a', 0)
    times.note('b', 0, 50, 0)
    expect(times.quantileMs('a', 0, 0.999, 0)).toBe(20)
    expect(times.peakEwmaMs('b', 0)).toBe(50)
  })
})

describe('calls in flight', () => {
  test('are counted for each target from their beginning to their end', () => {
    const times = createFirstTokenTimes()
    expect(times.inFlight('a')).toBe(0)
    times.begin('a')
    times.begin('a')
    times.begin('b')
    expect([times.inFlight('a'), times.inFlight('b')]).toEqual([2, 1])
    times.end('a')
    expect([times.inFlight('a'), times.inFlight('b')]).toEqual([1, 1])
    times.end('a')
    expect([times.inFlight('a'), times.inFlight('b')]).toEqual([0, 1])
  })

  test('are never fewer than none', () => {
    const times = createFirstTokenTimes()
    times.end('a')
    times.note('a', 0, 100, 0)
    times.end('a')
    expect(times.inFlight('a')).toBe(0)
    times.begin('a')
    expect(times.inFlight('a')).toBe(1)
  })

  test('that end take nothing from what was learnt of the target', () => {
    const times = createFirstTokenTimes()
    for (const target of ['a', 'b']) times.begin(target)
    times.note('a', 0, 100, 0)
    times.penalise('b', 0)
    for (const target of ['a', 'b']) times.end(target)
    expect([times.peakEwmaMs('a', 0), times.peakEwmaMs('b', 0)]).toEqual([100, PENALTY_MS])
  })
})

describe('beyond the bound', () => {
  /** As many targets as are remembered, `t0` the oldest. */
  function createFull(): FirstTokenTimes {
    const times = createFirstTokenTimes()
    for (let at = 0; at < FIRST_TOKEN_TARGETS_MAX; at += 1) times.note(`t${at}`, 0, 100, 0)
    return times
  }

  const known = (times: FirstTokenTimes, targets: readonly string[]) =>
    targets.filter((target) => times.peakEwmaMs(target, 0) !== undefined)

  test('the oldest target makes room for a new one, however it comes in', () => {
    const times = createFull()
    expect(known(times, ['t0', 't1', 't2', 't3'])).toEqual(['t0', 't1', 't2', 't3'])
    times.note('t0', 0, 100, 0)
    expect(known(times, ['t0', 't1', 't2', 't3'])).toEqual(['t0', 't1', 't2', 't3'])
    times.note('new', 0, 100, 0)
    expect(known(times, ['t0', 't1', 't2', 't3', 'new'])).toEqual(['t1', 't2', 't3', 'new'])
    times.penalise('refused', 0)
    expect(known(times, ['t1', 't2', 't3', 'refused'])).toEqual(['t2', 't3', 'refused'])
    times.begin('called')
    expect(known(times, ['t2', 't3'])).toEqual(['t3'])
  })

  test('one with a call in flight stays, and those after it go', () => {
    const times = createFull()
    times.begin('t0')
    times.note('new', 0, 100, 0)
    expect(known(times, ['t0', 't1', 't2'])).toEqual(['t0', 't2'])
    expect(times.inFlight('t0')).toBe(1)
    times.end('t0')
    times.note('newer', 0, 100, 0)
    expect(known(times, ['t0', 't2', 't3'])).toEqual(['t0', 't3'])
  })

  test('nothing is forgotten where the eight oldest have a call, and the ninth goes next', () => {
    const times = createFull()
    const targets = upTo(10).map((at) => `t${at - 1}`)
    for (const target of targets.slice(0, 8)) times.begin(target)
    times.note('new', 0, 100, 0)
    expect(known(times, [...targets, 'new'])).toEqual([...targets, 'new'])
    times.note('newer', 0, 100, 0)
    expect(known(times, targets)).toEqual([...targets.slice(0, 8), 't9'])
  })

  test('names that were called and never answered leave nothing behind', () => {
    const times = createFull()
    times.note('new', 0, 100, 0)
    times.begin('unknown')
    expect(known(times, ['t1', 't2'])).toEqual(['t2'])
    times.begin('unknown')
    times.end('unknown')
    expect(times.inFlight('unknown')).toBe(1)
    times.end('unknown')
    // Its place is free.
    times.note('newer', 0, 100, 0)
    expect(known(times, ['t2', 'newer'])).toEqual(['t2', 'newer'])
    times.note('newest', 0, 100, 0)
    expect(known(times, ['t2', 't3'])).toEqual(['t3'])
  })
})
