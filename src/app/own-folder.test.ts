import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { claimFolder, disown, removeFolder } from './book-folders.ts'
import { OwnFolder } from './own-folder.ts'

function stage() {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-own-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const folder = claimFolder(root, 'node_1')
  const manual = new ManualClock()
  const steps = { wallMs: 0, nowMs: 0 }
  const clock = {
    nowMs: () => manual.nowMs() + steps.nowMs,
    wallMs: () => manual.wallMs() + steps.wallMs,
    after: (delayMs: number, callback: () => void) => manual.after(delayMs, callback),
  }
  const told: string[] = []
  const own = new OwnFolder({
    folder,
    clock,
    onLost: () => void told.push('lost'),
    onNotice: ({ level, name }) => void told.push(`${level} ${name}`),
  })
  onTestFinished(() => own.stop())
  return {
    folder,
    own,
    told,
    async pass(ms: number) {
      manual.advance(ms)
      await expect.poll(() => manual.pendingTimers).toBe(1)
    },
    stepWall: (ms: number) => void (steps.wallMs += ms),
    stepMonotonic: (ms: number) => void (steps.nowMs += ms),
    markMs: () => statSync(join(folder.path, 'owner.json')).mtimeMs,
    wallMs: clock.wallMs,
  }
}

test('a run says every five seconds that it is alive', async () => {
  const { own, told, pass, markMs, wallMs } = stage()
  for (let beats = 0; beats < 3; beats += 1) {
    await pass(5_000)
    expect(markMs()).toBe(wallMs())
  }
  expect([own.isOurs(), own.troubles, told]).toEqual([true, [], []])
})

test('a run whose folder was taken says so once, gives its leases up and holds nothing until it starts anew', async () => {
  const { folder, own, told, pass } = stage()
  disown(folder)
  await pass(5_000)
  removeFolder(folder)
  await pass(5_000)
  claimFolder(join(folder.path, '..'), folder.nodeId)
  await pass(60_000)
  expect(told).toEqual(['lost', 'error books_taken'])
  expect(own.isOurs()).toBe(false)
  expect(own.troubles).toHaveLength(1)
})

test.each(['wall', 'monotonic'] as const)(
  'a run that was stopped looks before it spends, where only its %s clock went on',
  (which) => {
    const { folder, own, told, stepWall, stepMonotonic } = stage()
    removeFolder(folder)
    // No look is due yet.
    expect(own.isOurs()).toBe(true)
    if (which === 'wall') stepWall(61_000)
    else stepMonotonic(61_000)
    expect(own.isOurs()).toBe(false)
    expect(told).toEqual(['lost', 'error books_taken'])
  },
)

test('a run that cannot look at its folder holds nothing until it can', () => {
  const { folder, own, told, stepMonotonic } = stage()
  // No folder, so that what is in it is not missing: nobody can tell.
  removeFolder(folder)
  writeFileSync(folder.path, '')
  stepMonotonic(61_000)
  expect([own.isOurs(), own.troubles]).toEqual([false, [expect.stringContaining('does not answer')]])
  rmSync(folder.path)
  mkdirSync(folder.path)
  writeFileSync(join(folder.path, 'owner.json'), '{}')
  expect([own.isOurs(), own.troubles, told]).toEqual([true, [], []])
})

test('a step of the clock loses nothing', () => {
  const { own, told, stepWall } = stage()
  for (const ms of [3_600_000, -7_200_000]) {
    stepWall(ms)
    expect(own.isOurs()).toBe(true)
  }
  expect(told).toEqual([])
})
