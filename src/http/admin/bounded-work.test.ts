import { expect, test } from 'vitest'
import { ManualClock } from '../../std/manual-clock.test-support.ts'
import { BoundedWork } from './bounded-work.ts'

function make() {
  const clock = new ManualClock()
  return { clock, work: new BoundedWork(clock, { placesMax: 1, timeMs: 100 }) }
}

test('gives back what the work comes to, or what it fails with, and leaves no timer', async () => {
  const { clock, work } = make()
  expect(await work.run(async () => 7, 'slow')).toBe(7)
  await expect(work.run(async () => Promise.reject(new Error('no')), 'slow')).rejects.toThrow('no')
  const thrower = () => {
    throw new Error('at once')
  }
  await expect(work.run(thrower, 'slow')).rejects.toThrow('at once')
  expect(await work.run(async () => 8, 'slow')).toBe(8)
  expect(clock.pendingTimers).toBe(0)
})

test('work that was given up holds its place until it is done', async () => {
  const { clock, work } = make()
  const store = Promise.withResolvers<number>()
  const slow = work.run(() => store.promise, 'It took too long.')
  clock.advance(100)
  await expect(slow).rejects.toMatchObject({ code: 'too_slow', message: 'It took too long.' })
  await expect(work.run(async () => 1, 'slow')).rejects.toMatchObject({ code: 'busy' })
  store.resolve(1)
  await expect.poll(() => work.run(async () => 2, 'slow').catch(() => undefined)).toBe(2)
})

test('late failures of work that was given up end nowhere', async () => {
  const { clock, work } = make()
  const store = Promise.withResolvers<number>()
  const slow = work.run(() => store.promise, 'slow')
  clock.advance(100)
  await expect(slow).rejects.toMatchObject({ code: 'too_slow' })
  store.reject(new Error('later'))
  await expect.poll(() => work.run(async () => 2, 'slow').catch(() => undefined)).toBe(2)
})
