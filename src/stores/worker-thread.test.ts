import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Notice } from '../std/notice.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import type { MortalOperations } from './mortal-worker.test-support.ts'
import { WorkerThread } from './worker-thread.ts'

let notices: Notice[]
beforeEach(() => {
  notices = []
})

function open(): WorkerThread<MortalOperations> {
  const thread = new WorkerThread<MortalOperations>({
    file: new URL('./mortal-worker.test-support.ts', import.meta.url),
    setup: undefined,
    name: 'mortal',
    onNotice: (notice) => notices.push(notice),
  })
  onTestFinished(() => thread.close())
  return thread
}

describe('fault 135: a thread that dies', () => {
  test.each([
    ['crash', 'RangeError'],
    ['end', 'undefined'],
  ] as const)(
    'by %s: who waited for it is told so, and the next call is answered by another',
    async (name, kind) => {
      const thread = open()
      const first = await thread.call('thread')
      const waiting = [thread.call('wait'), thread.call(name), thread.call('wait')]
      for (const one of await Promise.allSettled(waiting))
        expect(one).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) })
      const next = await thread.call('thread')
      expect(next).not.toBe(first)
      expect(await thread.call('thread')).toBe(next)
      expect(notices).toMatchObject([
        { level: 'error', name: 'store_thread_ended', facts: { thread: 'mortal', kind } },
      ])
      expect(JSON.stringify(notices)).not.toContain('sk-secret')
    },
  )

  test('again and again is begun again as often, and each time told', async () => {
    const thread = open()
    const threads = []
    for (let life = 0; life < 3; life += 1) {
      threads.push(await thread.call('thread'))
      await expect(thread.call('crash')).rejects.toThrow(/its thread ended/)
    }
    expect(new Set(threads).size).toBe(3)
    expect(notices).toHaveLength(3)
  })

  test('because it is closed is nothing to tell of', async () => {
    const thread = open()
    await thread.call('thread')
    await thread.close()
    await thread.close()
    expect(notices).toEqual([])
  })
})
