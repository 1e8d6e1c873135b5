import { expect, test } from 'vitest'
import { ManualClock } from '../upstream/wall.ts'
import { Waiting } from './waiting.ts'

function createWaiting() {
  const clock = new ManualClock()
  return { clock, waiting: new Waiting(clock) }
}

test('what lies between two waits is not counted', () => {
  const { clock, waiting } = createWaiting()
  clock.advance(5)
  waiting.begin()
  clock.advance(10)
  waiting.end()
  clock.advance(7)
  waiting.begin()
  clock.advance(20)
  waiting.end()
  expect(waiting.totalMs).toBe(30)
})

test('a wait that has not ended counts so far', () => {
  const { clock, waiting } = createWaiting()
  waiting.begin()
  clock.advance(12)
  expect(waiting.totalMs).toBe(12)
  clock.advance(3)
  expect(waiting.totalMs).toBe(15)
})

test('time in which several things are waited for counts once', () => {
  const { clock, waiting } = createWaiting()
  waiting.begin()
  clock.advance(10)
  waiting.begin()
  clock.advance(10)
  waiting.end()
  clock.advance(10)
  waiting.end()
  clock.advance(99)
  expect(waiting.totalMs).toBe(30)
})

test('a wait that fails has ended, and fails', async () => {
  const { clock, waiting } = createWaiting()
  const { promise, reject } = Promise.withResolvers<never>()
  const waited = waiting.for(promise)
  clock.advance(4)
  reject(new Error('full'))
  await expect(waited).rejects.toThrow('full')
  clock.advance(50)
  expect(waiting.totalMs).toBe(4)
})

test('what was waited for is handed on', async () => {
  const { waiting } = createWaiting()
  expect(await waiting.for(Promise.resolve('slot'))).toBe('slot')
})
