import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { beat, claimFolder, disown, foldersIn, removeFolder, signOf } from './book-folders.ts'

const NOW_MS = 1_800_000_000_000

function rootOf(): string {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-folders-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  return join(root, 'books')
}

/** A folder as another process left it. */
function leave(root: string, nodeId: string, owner: object | string) {
  const folder = { nodeId, path: join(root, nodeId) }
  mkdirSync(folder.path, { recursive: true })
  const text = typeof owner === 'string' ? owner : JSON.stringify(owner)
  writeFileSync(join(folder.path, 'owner.json'), text)
  return folder
}

const DISTANT = { pid: 1, host: 'another machine', startedAt: '1' }

const deadIn = (root: string) =>
  foldersIn(root).flatMap((folder) => (signOf(folder).type === 'gone' ? [folder.nodeId] : []))

test('a living run has its folder to itself, and it is gone when it is removed', () => {
  const root = rootOf()
  expect(foldersIn(root)).toEqual([])
  const folder = claimFolder(root, 'node_1')
  expect(foldersIn(root)).toEqual([folder])
  // Whatever its clock says.
  utimesSync(join(folder.path, 'owner.json'), 1, 1)
  expect(signOf(folder)).toEqual({ type: 'running' })
  removeFolder(folder)
  expect(readdirSync(root)).toEqual([])
})

test('fault 123: what a process that ended left is found, also where it ended while it wrote', () => {
  const root = rootOf()
  // A process that is over, and one of the same number as this that started at another time.
  const { pid } = spawnSync(process.execPath, ['--version'])
  const alive = claimFolder(root, 'node_alive')
  // Sound: the owner's file, as it is written.
  const owner = JSON.parse(readFileSync(join(alive.path, 'owner.json'), 'utf8')) as { readonly host: string }
  leave(root, 'node_ended', { ...owner, pid })
  leave(root, 'node_reused', { ...owner, startedAt: '1' })
  leave(root, 'node_torn', '{"pid":')
  expect(deadIn(root).sort((one, other) => one.localeCompare(other))).toEqual([
    'node_ended',
    'node_reused',
    'node_torn',
  ])
})

test('a run of another machine is known by a mark that each beat changes, whatever its clock says', () => {
  const root = rootOf()
  const folder = leave(root, 'node_far', DISTANT)
  const marks = [NOW_MS, NOW_MS, 0, NOW_MS + 3_600_000].map((wallMs) => {
    expect(beat(folder, wallMs)).toBe(true)
    const sign = signOf(folder)
    // The times of files may be as coarse as a tick of the system.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
    return sign
  })
  expect(new Set(marks.map(({ type }) => type))).toEqual(new Set(['distant']))
  expect(new Set(marks.map((sign) => sign.type === 'distant' && sign.mark)).size).toBe(4)
  expect(signOf(folder)).toEqual(marks[3])
})

test('a run whose number is alive, and whose start nobody tells, is not taken for another', () => {
  const root = rootOf()
  const { path } = claimFolder(root, 'node_1')
  // Sound: the owner's file, as it is written.
  const owner = JSON.parse(readFileSync(join(path, 'owner.json'), 'utf8')) as object
  expect(signOf(leave(root, 'node_2', { ...owner, startedAt: '' })).type).not.toBe('gone')
})

test('an owner whose folder was taken from it is told so by its next beat', () => {
  const root = rootOf()
  const folder = claimFolder(root, 'node_1')
  expect(beat(folder, NOW_MS)).toBe(true)
  disown(folder)
  expect([signOf(folder), beat(folder, NOW_MS)]).toEqual([{ type: 'gone' }, false])
  removeFolder(folder)
  disown(folder)
  expect(beat(folder, NOW_MS)).toBe(false)
})

test('a folder is never seen without its owner', () => {
  const root = rootOf()
  mkdirSync(join(root, '.node_being_made'), { recursive: true })
  expect(foldersIn(root)).toEqual([])
  const { path } = claimFolder(root, 'node_1')
  expect(JSON.parse(readFileSync(join(path, 'owner.json'), 'utf8'))).toMatchObject({ pid: process.pid })
})
