import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecentSamples, SAMPLE_AGE_MAX_MS, SAMPLES_MAX, SAMPLES_MIN } from './recent-samples.ts'

/** Nearest rank, as the textbook has it. */
function quantileOf(values: readonly number[], p: number): number | undefined {
  return values.toSorted((one, other) => one - other)[Math.max(0, Math.ceil(p * values.length) - 1)]
}

test('fewer than enough samples say nothing', () => {
  const samples = new RecentSamples()
  for (let count = 1; count < SAMPLES_MIN; count += 1) samples.note(count, 0)
  expect(samples.quantile(0.5, 0)).toBeUndefined()
  samples.note(SAMPLES_MIN, 0)
  expect(samples.quantile(0.5, 0)).toBe(10)
  expect(samples.quantile(0.95, 0)).toBe(19)
  expect(samples.quantile(0.99, 0)).toBe(20)
})

test('samples that are too old are forgotten', () => {
  const samples = new RecentSamples()
  for (let count = 0; count < SAMPLES_MIN; count += 1) samples.note(1, count)
  expect(samples.quantile(0.5, SAMPLE_AGE_MAX_MS)).toBe(1)
  expect(samples.quantile(0.5, SAMPLE_AGE_MAX_MS + 1)).toBeUndefined()
})

test('any course: the quantile is that of the newest samples', () => {
  const sample = fc.record({
    value: fc.oneof(fc.nat(5), fc.double({ min: 0, max: 1e6, noNaN: true })),
    afterMs: fc.oneof(fc.constant(0), fc.nat(200_000)),
  })
  const p = fc.double({ min: 0.001, max: 0.999, noNaN: true })
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 200 }), p, (noted, share) => {
      const samples = new RecentSamples()
      let model: { readonly value: number; readonly atMs: number }[] = []
      let nowMs = 0
      for (const { value, afterMs } of noted) {
        nowMs += afterMs
        samples.note(value, nowMs)
        model = [...model, { value, atMs: nowMs }].slice(-SAMPLES_MAX)
        const young = model.filter(({ atMs }) => nowMs - atMs <= SAMPLE_AGE_MAX_MS).map((each) => each.value)
        const expected = young.length < SAMPLES_MIN ? undefined : quantileOf(young, share)
        expect(samples.quantile(share, nowMs)).toBe(expected)
      }
    }),
    { numRuns: 200 },
  )
})
