import { expect, test } from 'vitest'
import type { AppendLog } from './append-log.ts'
import { type KeepFor, NeededLog } from './needed-log.ts'

/** A log whose files hold so many texts. */
function stage(textsMax: number, keepFor?: KeepFor) {
  const dropped: number[] = []
  let texts = 0
  const log: AppendLog = {
    get segment() {
      return Math.ceil(texts / textsMax)
    },
    append() {
      texts += 1
    },
    read: () => [],
    whenTurnEnds: (callback) => callback(),
    drop: (segment) => void dropped.push(segment),
    close() {},
  }
  return { needed: new NeededLog(log, keepFor), dropped }
}

test('a file goes with the last of its lines that is needed', () => {
  const { needed, dropped } = stage(2)
  expect([needed.append('a', 2), needed.append('b', 1), needed.append('c', 1)]).toEqual([1, 1, 2])
  needed.release(1, 2)
  expect(dropped).not.toContain(1)
  needed.release(1)
  expect(dropped).toContain(1)
})

test('a file that nobody needs while it is written to goes when the next one is begun', () => {
  const { needed, dropped } = stage(1)
  needed.append('a', 0)
  expect(dropped).not.toContain(1)
  needed.append('b', 1)
  expect(dropped).toContain(1)
  needed.append('c', 1)
  expect(dropped).not.toContain(2)
})

test('a file that is to stay for a while goes with a later line', () => {
  let nowMs = 0
  const { needed, dropped } = stage(1, { ms: 1_000, clock: { nowMs: () => nowMs } })
  needed.append('a', 1)
  needed.append('b', 1)
  needed.release(1)
  nowMs = 999
  needed.append('c', 1)
  expect(dropped).not.toContain(1)
  nowMs = 1_000
  needed.append('d', 1)
  expect(dropped).toContain(1)
  expect(dropped).not.toContain(2)
})
