import { expect, test } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { LOOK_EVERY_MS, StorePulse } from './store-pulse.ts'

test('another reason of the same trouble is told of once, and all of them anew after the store was well', async () => {
  const clock = new ManualClock()
  const told: (string | undefined)[] = []
  let reason: string | undefined
  const pulse = new StorePulse({
    ping: async () => {
      if (reason !== undefined) throw new Error(reason)
    },
    clock,
    promptMs: 50,
    pingMs: 1_000,
    onChange: ({ state, lastError }) => told.push(state === 'answering' ? state : lastError),
  })
  const look = async (next: string | undefined) => {
    reason = next
    clock.advance(LOOK_EVERY_MS)
    await pulse.look().catch(() => undefined)
  }
  for (const next of ['refused', 'refused', 'foreign', 'refused', 'foreign', undefined, 'refused'])
    await look(next)
  expect(told).toEqual(['refused', 'foreign', 'answering', 'refused'])
  for (let place = 0; place < 20; place += 1) await look(`reason ${place}`)
  expect(told.length).toBeLessThan(10)
  pulse.stop()
})
