import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AIMD_MEMORY_MS, AimdLimit } from './aimd-limit.ts'

test('there is no limit before anything was refused', () => {
  const limit = new AimdLimit()
  limit.noteSuccess(0)
  expect(limit.at(0)).toBeUndefined()
})

test('a refusal leaves seven tenths of what was in flight, one at least', () => {
  const limit = new AimdLimit()
  expect(limit.noteRefusal(10, 0, 100)).toBe(true)
  expect(limit.at(100)).toBe(7)
  expect(limit.noteRefusal(1, 150, 200)).toBe(true)
  expect(limit.at(200)).toBe(1)
})

test('a burst that is refused together is one refusal', () => {
  const limit = new AimdLimit()
  limit.noteRefusal(10, 0, 100)
  expect(limit.noteRefusal(9, 99, 110)).toBe(false)
  expect(limit.at(110)).toBe(7)
})

test('a later refusal with more in flight never raises it', () => {
  const limit = new AimdLimit()
  limit.noteRefusal(4, 0, 100)
  limit.noteRefusal(100, 150, 200)
  expect(limit.at(200)).toBe(2)
})

test('as many successes as the limit make it one wider', () => {
  const limit = new AimdLimit()
  limit.noteRefusal(4, 0, 100)
  limit.noteSuccess(200)
  expect(limit.at(200)).toBe(2)
  limit.noteSuccess(201)
  expect(limit.at(201)).toBe(3)
})

test('five minutes without a refusal forget it', () => {
  const limit = new AimdLimit()
  limit.noteRefusal(4, 0, 100)
  expect(limit.at(100 + AIMD_MEMORY_MS - 1)).toBe(2)
  expect(limit.at(100 + AIMD_MEMORY_MS)).toBeUndefined()
})

test('only a refusal that is news starts the count of successes over', () => {
  const limit = new AimdLimit()
  limit.noteRefusal(4, 0, 100)
  limit.noteSuccess(200)
  limit.noteRefusal(3, 50, 210)
  limit.noteSuccess(220)
  expect(limit.at(220)).toBe(3)
  limit.noteSuccess(230)
  limit.noteRefusal(3, 240, 250)
  expect(limit.at(250)).toBe(2)
  limit.noteSuccess(260)
  expect(limit.at(260)).toBe(2)
})

test('a refusal that is no news is remembered as long as any other', () => {
  const limit = new AimdLimit()
  limit.noteRefusal(4, 0, 100)
  limit.noteRefusal(3, 50, 90_000)
  expect(limit.forgottenAtMs).toBe(90_000 + AIMD_MEMORY_MS)
  expect(limit.at(90_000 + AIMD_MEMORY_MS - 1)).toBe(2)
})

test('what was forgotten does not narrow the next limit, and old calls are news again', () => {
  const limit = new AimdLimit()
  limit.noteRefusal(4, 0, 100)
  const laterMs = 100 + AIMD_MEMORY_MS
  limit.noteSuccess(laterMs)
  expect(limit.at(laterMs)).toBeUndefined()
  expect(limit.noteRefusal(100, 50, laterMs)).toBe(true)
  expect(limit.at(laterMs)).toBe(70)
})

test('any course: at least one, lower after a refusal that is news, wider only by successes', () => {
  const act = fc.record({
    type: fc.constantFrom('refusal' as const, 'success' as const, 'time' as const),
    amount: fc.integer({ min: 1, max: 60 }),
  })
  fc.assert(
    fc.property(fc.array(act, { maxLength: 150 }), (acts) => {
      const limit = new AimdLimit()
      let nowMs = 1
      for (const { type, amount } of acts) {
        const before = limit.at(nowMs)
        if (type === 'time') nowMs += amount * 1_000
        else if (type === 'success') limit.noteSuccess(nowMs)
        else {
          const isLowered = limit.noteRefusal(amount, nowMs, nowMs)
          const after = limit.at(nowMs) ?? 0
          expect(isLowered).toBe(true)
          expect(after).toBeLessThanOrEqual(Math.max(1, Math.floor(amount * 0.7)))
          if (before !== undefined) expect(after).toBeLessThanOrEqual(before)
        }
        const after = limit.at(nowMs)
        if (after !== undefined) expect(after).toBeGreaterThanOrEqual(1)
        if (type === 'success' && before !== undefined && after !== undefined)
          expect(after - before).toBeLessThanOrEqual(1)
      }
    }),
    { numRuns: 500 },
  )
})
