import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { writeBookLines } from '../ledger/book-lines.ts'
import { entryOf, LedgerBench, rowOf } from '../ledger/ledger.test-support.ts'
import { openAppendLog } from '../std/append-log.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import type { Notice } from '../std/notice.ts'
import { BooksRecovery } from './books-recovery.ts'

function stage() {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-recovery-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const store = new LedgerBench()
  const clock = new ManualClock()
  const notices: Notice[] = []
  const recovery = new BooksRecovery({
    root,
    store,
    clock,
    nodeId: 'node_own',
    adoptJournal: () => {},
    onCompany: () => {},
    onNotice: (notice) => void notices.push(notice),
  })
  onTestFinished(() => recovery.stop())
  /** The folder of a run that is gone: nobody owns it. */
  const leave = (nodeId: string) => {
    const folder = join(root, nodeId)
    const log = openAppendLog({ folder })
    log.append([
      writeBookLines([
        { type: 'settled', entry: entryOf('x') },
        { type: 'closed', request: rowOf('x') },
      ]),
    ])
    log.close()
    return folder
  }
  const again = async (ms: number) => {
    clock.advance(ms)
    await expect.poll(() => clock.pendingTimers).toBe(1)
  }
  return { store, notices, recovery, leave, again }
}

test('what a dead run left is brought in and told, and so is what others leave later', async () => {
  const { store, notices, recovery, leave, again } = stage()
  const first = leave('node_1')
  await recovery.start()
  expect([store.entries.size, store.rows.size, existsSync(first)]).toEqual([1, 1, false])
  expect(notices).toMatchObject([
    {
      name: 'books_recovered',
      level: 'info',
      facts: { node: 'node_1', requests: 1, entries: 1, orphans: 0 },
    },
  ])
  const second = leave('node_2')
  await again(5_000)
  expect(existsSync(second)).toBe(false)
  expect(notices).toHaveLength(2)
})

test('a store that is away is tried again soon, and told of by others', async () => {
  const { store, notices, recovery, leave, again } = stage()
  const folder = leave('node_1')
  store.troubles.push('unheard')
  await recovery.start()
  expect([existsSync(folder), notices]).toEqual([true, []])
  await again(1_000)
  expect(existsSync(folder)).toBe(false)
  expect(notices.map(({ name }) => name)).toEqual(['books_recovered'])
})

test('books that cannot be read are told of once, and stay where they are until they can', async () => {
  const { store, notices, recovery, leave, again } = stage()
  const folder = leave('node_1')
  // A folder where a file of the log should be, which nobody can read, not even root.
  const unreadable = join(folder, '00000002.log')
  mkdirSync(unreadable)
  await recovery.start()
  await again(1_000)
  expect(existsSync(folder)).toBe(true)
  expect(notices).toMatchObject([
    { level: 'error', name: 'books_recovery_failed', facts: { node: 'node_1', kind: 'Error' } },
  ])
  expect(notices[0]?.message).toContain(folder)
  rmSync(unreadable, { recursive: true })
  await again(1_000)
  expect([store.entries.size, existsSync(folder)]).toEqual([1, false])
  expect(notices.map(({ name }) => name)).toEqual(['books_recovery_failed', 'books_recovered'])
})
