import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAdmission, OVERLOAD_KEPT, OVERLOAD_RETRY_AFTER_MS, type Permit } from './admission.ts'

const overloaded = expect.objectContaining({
  code: 'overloaded',
  status: 503,
  facts: expect.objectContaining({ retryAfterMs: OVERLOAD_RETRY_AFTER_MS }),
})

describe('requests in flight', () => {
  test('beyond the bound are refused with a time to come back', () => {
    const admission = createAdmission({ requestsInFlightMax: 2, bufferedBytesMax: 100 })
    admission.enter()
    const second = admission.enter()
    expect(() => admission.enter()).toThrow(overloaded)
    expect(admission.requestsInFlight).toBe(2)
    second.release()
    expect(() => admission.enter()).not.toThrow()
  })

  test('are given back once, however often a permit is released', () => {
    const admission = createAdmission({ requestsInFlightMax: 2, bufferedBytesMax: 100 })
    admission.enter()
    const permit = admission.enter()
    permit.release()
    permit.release()
    expect(admission.requestsInFlight).toBe(1)
  })
})

describe('fault 138: buffered bytes', () => {
  test('beyond the bound are refused, and not counted', () => {
    const admission = createAdmission({ requestsInFlightMax: 10, bufferedBytesMax: 100 })
    const first = admission.enter()
    const second = admission.enter()
    first.hold(60)
    second.hold(40)
    expect(() => second.hold(1)).toThrow(overloaded)
    expect(admission.bufferedBytes).toBe(100)
    first.release()
    expect(admission.bufferedBytes).toBe(40)
    expect(() => second.hold(60)).not.toThrow()
  })

  test('are not held by a permit that was released', () => {
    const admission = createAdmission({ requestsInFlightMax: 10, bufferedBytesMax: 100 })
    const permit = admission.enter()
    permit.release()
    permit.hold(50)
    expect(admission.bufferedBytes).toBe(0)
  })
})

describe('priorities', () => {
  const bounds = { bufferedBytesMax: 100 }

  test('low is refused while a fifth of the places is still free, and the others have those', () => {
    const admission = createAdmission({ ...bounds, requestsInFlightMax: 10 })
    for (let taken = 0; taken < 8; taken += 1) admission.enter('low')
    expect(() => admission.enter('low')).toThrow(overloaded)
    admission.enter()
    const last = admission.enter('high')
    expect(() => admission.enter('high')).toThrow(overloaded)
    last.release()
    expect(() => admission.enter('low')).toThrow(overloaded)
    expect(() => admission.enter('normal')).not.toThrow()
  })

  test('low has a place where there is only one', () => {
    const admission = createAdmission({ ...bounds, requestsInFlightMax: 1 })
    expect(() => admission.enter('low')).not.toThrow()
  })
})

describe('fault 137: a process behind with its work', () => {
  const behind = (requestsInFlightMax: number) => {
    let isOverloaded = false
    const admission = createAdmission({
      requestsInFlightMax,
      bufferedBytesMax: 100,
      isOverloaded: () => isOverloaded,
    })
    return { admission, set: (value: boolean) => (isOverloaded = value) }
  }

  test('keeps what it has, and lets nobody more in until it has caught up', () => {
    const { admission, set } = behind(1_000)
    const held = Array.from({ length: OVERLOAD_KEPT }, () => admission.enter())
    set(true)
    expect(() => admission.enter('high')).toThrow(overloaded)
    expect(admission.requestsInFlight).toBe(OVERLOAD_KEPT)
    held[0]?.release()
    expect(() => admission.enter()).not.toThrow()
    expect(() => admission.enter()).toThrow(/behind with its work/)
    set(false)
    expect(() => admission.enter()).not.toThrow()
  })

  test('refuses low priority first', () => {
    const { admission, set } = behind(1_000)
    set(true)
    while (admission.requestsInFlight < OVERLOAD_KEPT * 0.8) admission.enter()
    expect(() => admission.enter('low')).toThrow(overloaded)
    expect(() => admission.enter()).not.toThrow()
  })

  test('allows no more than it would otherwise', () => {
    const { admission, set } = behind(2)
    set(true)
    admission.enter()
    admission.enter()
    expect(() => admission.enter()).toThrow(overloaded)
  })
})

test('gauges agree with a plain count through any history, and return to nothing', () => {
  const step = fc.record({
    permit: fc.nat(5),
    bytes: fc.nat(60),
    kind: fc.constantFrom('enter', 'hold', 'release'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const admission = createAdmission({ requestsInFlightMax: 3, bufferedBytesMax: 100 })
      const held = new Map<number, { permit: Permit; bytes: number }>()
      const sum = () => [...held.values()].reduce((total, one) => total + one.bytes, 0)
      for (const { kind, permit: id, bytes } of steps) {
        const one = held.get(id)
        if (kind === 'enter' && one === undefined) {
          if (held.size === 3) expect(() => admission.enter()).toThrow(overloaded)
          else held.set(id, { permit: admission.enter(), bytes: 0 })
        } else if (kind === 'hold' && one) {
          if (sum() + bytes > 100) expect(() => one.permit.hold(bytes)).toThrow(overloaded)
          else {
            one.permit.hold(bytes)
            one.bytes += bytes
          }
        } else if (kind === 'release' && one) {
          one.permit.release()
          held.delete(id)
        }
        expect(admission.requestsInFlight).toBe(held.size)
        expect(admission.bufferedBytes).toBe(sum())
      }
      for (const { permit } of held.values()) permit.release()
      expect([admission.requestsInFlight, admission.bufferedBytes]).toEqual([0, 0])
    }),
  )
})
