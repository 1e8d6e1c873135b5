import { expect, test } from 'vitest'
import { oneAtATime } from './one-at-a-time.ts'

function work() {
  const runs: PromiseWithResolvers<number>[] = []
  const run = oneAtATime(() => {
    const one = Promise.withResolvers<number>()
    runs.push(one)
    return one.promise
  })
  return { run, runs }
}

const turns = () => new Promise((resolve) => setImmediate(resolve))

test('work asked for while it runs is done once more afterwards, for all who asked', async () => {
  const { run, runs } = work()
  const first = run()
  const second = run()
  const third = run()
  await turns()
  expect(runs).toHaveLength(1)
  runs[0]?.resolve(1)
  expect(await first).toBe(1)
  await turns()
  expect(runs).toHaveLength(2)
  runs[1]?.resolve(2)
  expect(await Promise.all([second, third])).toEqual([2, 2])
})

test('never runs beside itself, whoever asks in the moment of the change', async () => {
  let running = 0
  let most = 0
  const run = oneAtATime(async () => {
    running += 1
    most = Math.max(most, running)
    await turns()
    running -= 1
  })
  const asked: Promise<void>[] = []
  const askAgain = (times: number): void => {
    const one = run()
    asked.push(one)
    if (times > 0) void one.finally(() => askAgain(times - 1)).then(() => askAgain(0))
  }
  askAgain(5)
  askAgain(5)
  for (let at = 0; at < asked.length; at += 1) await asked[at]
  expect(asked.length).toBeGreaterThan(10)
  expect(most).toBe(1)
})

test('a failure is told to those who asked, and the next one begins all the same', async () => {
  const { run, runs } = work()
  const first = run()
  const second = run()
  runs[0]?.reject(new Error('planted'))
  await expect(first).rejects.toThrow('planted')
  await turns()
  runs[1]?.resolve(2)
  expect(await second).toBe(2)
})
