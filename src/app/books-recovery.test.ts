import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { writeBookLines } from '../ledger/book-lines.ts'
import { entryOf, LedgerBench, rowOf } from '../ledger/ledger.test-support.ts'
import { openAppendLog } from '../std/append-log.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import type { Notice } from '../std/notice.ts'
import { beat } from './book-folders.ts'
import { BooksRecovery } from './books-recovery.ts'

function stage() {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-recovery-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const store = new LedgerBench()
  const clock = new ManualClock()
  const notices: Notice[] = []
  const company: boolean[] = []
  const recovery = new BooksRecovery({
    root,
    store,
    clock,
    nodeId: 'node_own',
    adoptJournal: () => {},
    onCompany: (hasCompany) => void company.push(hasCompany),
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
  return { store, notices, company, recovery, leave, again }
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

/** Of a run whose process nothing here knows, an hour ago by the clock that its owner set the time with. */
function ownedElsewhere(folder: string) {
  const owner = join(folder, 'owner.json')
  writeFileSync(owner, JSON.stringify({ pid: 1, host: 'another machine', startedAt: '1' }))
  const hourAgo = Date.now() / 1_000 - 3_600
  utimesSync(owner, hourAgo, hourAgo)
}

test('a living run of another machine keeps its books, however far its clock is behind', async () => {
  const { store, notices, company, recovery, leave, again } = stage()
  const path = leave('node_far')
  ownedElsewhere(path)
  await recovery.start()
  for (let looks = 1; looks <= 30; looks += 1) {
    if (looks % 2 === 0) expect(beat({ nodeId: 'node_far', path }, looks)).toBe(true)
    await again(5_000)
  }
  expect([store.entries.size, notices, existsSync(path)]).toEqual([0, [], true])
  expect(new Set(company)).toEqual(new Set([true]))
})

test('a run of another machine that is silent for a minute is brought in, and not waited for at the start', async () => {
  const { store, notices, company, recovery, leave, again } = stage()
  const path = leave('node_far')
  ownedElsewhere(path)
  const near = leave('node_near')
  await recovery.start()
  expect([existsSync(near), existsSync(path)]).toEqual([false, true])
  for (let looks = 1; looks < 12; looks += 1) await again(5_000)
  expect(existsSync(path)).toBe(true)
  await again(5_000)
  expect([existsSync(path), store.entries.size]).toEqual([false, 1])
  expect(notices.map(({ facts }) => facts?.['node'])).toEqual(['node_near', 'node_far'])
  expect(company.at(-1)).toBe(false)
})

test('an owner that comes back while its books are brought in has lost them, also where the store was away meanwhile', async () => {
  const { store, recovery, leave, again } = stage()
  const path = leave('node_far')
  ownedElsewhere(path)
  await recovery.start()
  for (let looks = 1; looks < 12; looks += 1) await again(5_000)
  store.troubles.push('unheard')
  await again(5_000)
  expect([existsSync(path), beat({ nodeId: 'node_far', path }, 1)]).toEqual([true, false])
  await again(1_000)
  expect(existsSync(path)).toBe(false)
})
