import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PEAK_TAU_MS, PeakAverage, USUAL_TAU_MS } from './peak-average.ts'

function average(...notes: readonly (readonly [value: number, nowMs: number])[]): PeakAverage {
  const made = new PeakAverage()
  for (const [value, nowMs] of notes) made.note(value, nowMs)
  return made
}

test('knows nothing before the first sample', () => {
  expect(new PeakAverage().isEmpty).toBe(true)
  expect(new PeakAverage().at(5)).toBe(0)
  expect(average([3, 0]).isEmpty).toBe(false)
  expect(average([3, 0]).at(0)).toBe(3)
})

test('jumps up at once, and comes down by and by', () => {
  const steady = average([100, 0], [100, 1_000])
  expect(steady.at(1_000)).toBeCloseTo(100, 0)
  steady.note(5_000, 1_000)
  expect(steady.at(1_000)).toBe(5_000)
  steady.note(100, 2_000)
  const weight = Math.exp(-1_000 / PEAK_TAU_MS)
  expect(steady.at(2_000)).toBeCloseTo(5_000 * weight + 100 * (1 - weight), 0)
})

test('a peak fades within seconds, the usual level within minutes', () => {
  const made = average(...Array.from({ length: 60 }, (_, at) => [100, at * 1_000] as const), [4_100, 60_000])
  // The usual level took an eighth of it.
  const usual = 100 + 4_000 / 8
  expect(made.at(60_000 + 3 * PEAK_TAU_MS)).toBeCloseTo(
    usual * Math.exp((-3 * PEAK_TAU_MS) / USUAL_TAU_MS) + (4_100 - usual) * Math.exp(-3),
    6,
  )
  expect(made.at(60_000 + 10 * USUAL_TAU_MS)).toBeLessThan(1)
})

test('asked once in twenty seconds, the faster of two is still known to be the faster', () => {
  const [fast, slow] = [average([500, 0]), average([2_000, 0])]
  for (let nowMs = 20_000; nowMs <= 200_000; nowMs += 20_000) {
    expect(fast.at(nowMs)).toBeLessThan(slow.at(nowMs))
    fast.note(500, nowMs)
  }
})

test('any course: between nothing and the highest sample, never rising by itself', () => {
  const note = fc.tuple(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.nat(60_000))
  fc.assert(
    fc.property(fc.array(note, { minLength: 1 }), fc.nat(100_000), (notes, silentMs) => {
      const made = new PeakAverage()
      let nowMs = 0
      let highest = 0
      for (const [value, afterMs] of notes) {
        nowMs += afterMs
        made.note(value, nowMs)
        highest = Math.max(highest, value)
        expect(made.at(nowMs)).toBeGreaterThanOrEqual(value - 1e-6)
        expect(made.at(nowMs)).toBeLessThanOrEqual(highest + 1e-6)
      }
      expect(made.at(nowMs + silentMs)).toBeLessThanOrEqual(made.at(nowMs) + 1e-6)
      expect(made.at(nowMs + silentMs)).toBeGreaterThanOrEqual(0)
    }),
  )
})
