import { expect, test, vi } from 'vitest'
import { RestingPlace } from './resting-place.ts'

test('a load rests once every client has finished what it asked, and not before', async () => {
  const onAllRest = vi.fn()
  const place = new RestingPlace(onAllRest)
  for (let client = 0; client < 2; client += 1) place.join()
  await place.pass()
  expect(onAllRest).not.toHaveBeenCalled()
  for (let rest = 1; rest <= 2; rest += 1) {
    place.close()
    const passed: string[] = []
    const passing = [place.pass().then(() => passed.push('first'))]
    expect(onAllRest).toHaveBeenCalledTimes(rest - 1)
    passing.push(place.pass().then(() => passed.push('second')))
    expect(onAllRest).toHaveBeenCalledTimes(rest)
    await new Promise(setImmediate)
    expect(passed).toEqual([])
    place.open()
    await Promise.all(passing)
    expect(passed).toEqual(['first', 'second'])
  }
})
