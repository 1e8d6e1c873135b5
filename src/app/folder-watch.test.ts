import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { claimFolder } from './book-folders.ts'
import { FolderWatch } from './folder-watch.ts'

const OWNER = JSON.stringify({ pid: 1, host: 'another machine', startedAt: '1' })

function stage() {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-watch-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const clock = new ManualClock()
  const watch = new FolderWatch({ root, nodeId: 'node_own', clock })
  const owner = join(root, 'node_far', 'owner.json')
  const make = () => {
    mkdirSync(join(root, 'node_far'), { recursive: true })
    writeFileSync(owner, OWNER)
  }
  make()
  let beats = 0
  const dead = () => watch.others().flatMap((folder) => (watch.isDead(folder) ? [folder.nodeId] : []))
  const pass = (ms: number) => clock.advance(ms)
  /** Looks every five seconds; how long until a folder is a dead one's, ms. */
  const silenceMs = () => {
    let ms = 0
    for (; dead().length === 0 && ms < 600_000; ms += 5_000) pass(5_000)
    return ms
  }
  /** Its owner says that it is alive; its clock is years behind. */
  const beat = () => utimesSync(owner, ++beats, beats)
  return { root, watch, owner, make, beat, dead, pass, silenceMs }
}

test('a run of another machine is gone when it was watched for a minute and gave no sign, whatever its clock says', () => {
  const { silenceMs, beat } = stage()
  beat()
  expect(silenceMs()).toBe(60_000)
})

test('each sign of life begins the minute anew, however far behind or ahead its clock is', () => {
  const { dead, beat, owner, pass } = stage()
  for (let round = 0; round < 40; round += 1) {
    if (round % 10 === 0) beat()
    expect(dead()).toEqual([])
    pass(5_000)
  }
  // A step of its clock into the future, and from there back.
  utimesSync(owner, 4_000_000_000, 4_000_000_000)
  expect(dead()).toEqual([])
  pass(5_000)
  beat()
  expect(dead()).toEqual([])
})

test('who was stopped for an hour has not watched for that long', () => {
  const { dead, beat, pass } = stage()
  expect(dead()).toEqual([])
  pass(3_600_000)
  expect(dead()).toEqual([])
  pass(5_000)
  beat()
  for (let looks = 0; looks < 12; looks += 1) {
    expect(dead()).toEqual([])
    pass(5_000)
  }
})

test('what cannot be read for a moment is watched anew', () => {
  const { dead, pass, silenceMs, root, watch, make } = stage()
  for (let looks = 0; looks < 12; looks += 1, pass(5_000)) expect(dead()).toEqual([])
  // As where the folder of all folders does not answer.
  rmSync(root, { recursive: true })
  expect(watch.others()).toEqual([])
  make()
  expect(silenceMs()).toBe(60_000)
})

test('a dead run of this machine is told at once, a living one never, and its own is not looked at', () => {
  const { dead, root, pass } = stage()
  claimFolder(root, 'node_alive')
  mkdirSync(join(root, 'node_own'))
  mkdirSync(join(root, 'node_dead'))
  expect(dead()).toEqual(['node_dead'])
  for (let looks = 0; looks < 20; looks += 1, pass(5_000)) expect(dead()).not.toContain('node_alive')
  expect(dead()).not.toContain('node_own')
})
