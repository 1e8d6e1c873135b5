import { expect, test } from 'vitest'
import { ManualClock } from './manual-clock.test-support.ts'
import { StoreUnavailable } from './store-error.ts'
import { within } from './within.ts'

test('gives what comes in time, and leaves no timer behind', async () => {
  const clock = new ManualClock()
  expect(await within(clock, 50, Promise.resolve('there'))).toBe('there')
  await expect(within(clock, 50, Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  await Promise.resolve()
  expect(clock.pendingTimers).toBe(0)
})

test('calls a store away that does not answer in time', async () => {
  const clock = new ManualClock()
  const waiting = within(clock, 50, new Promise(() => {}))
  clock.advance(50)
  await expect(waiting).rejects.toBeInstanceOf(StoreUnavailable)
})
