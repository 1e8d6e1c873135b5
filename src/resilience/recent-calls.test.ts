import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecentCalls, WINDOW_BUCKETS, WINDOW_MS } from './recent-calls.ts'

const bucketMs = WINDOW_MS / WINDOW_BUCKETS
const event = fc.record({ afterMs: fc.integer({ min: 0, max: 12_000 }), weight: fc.constantFrom(0, 0.5, 1) })

test('counts the calls of the last ten buckets, and of none before', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const recent = new RecentCalls()
      const noted: { readonly bucket: number; readonly weight: number }[] = []
      let nowMs = 0
      for (const { afterMs, weight } of events) {
        nowMs += afterMs
        const bucket = Math.floor(nowMs / bucketMs)
        noted.push({ bucket, weight })
        if (weight === 0) recent.noteSuccess(nowMs)
        else recent.noteFailure(weight, nowMs)
        const inWindow = noted.filter((one) => one.bucket > bucket - WINDOW_BUCKETS)
        const counts = recent.counts(nowMs)
        expect(counts.calls).toBe(inWindow.length)
        expect(counts.failures).toBe(inWindow.reduce((total, one) => total + one.weight, 0))
      }
    }),
  )
})

test('failures in a row end with a success, not with time', () => {
  const recent = new RecentCalls()
  recent.noteFailure(1, 0)
  recent.noteFailure(0.5, 3_600_000)
  expect(recent.counts(3_600_000)).toEqual({ consecutiveFailures: 1.5, calls: 1, failures: 0.5 })
  recent.noteSuccess(3_600_001)
  expect(recent.counts(3_600_001)).toEqual({ consecutiveFailures: 0, calls: 2, failures: 0.5 })
})
