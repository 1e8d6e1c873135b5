import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { beat, claimFolder, deadFolders, removeFolder } from './book-folders.ts'

const NOW_MS = 1_800_000_000_000

function rootOf(): string {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-folders-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  return join(root, 'books')
}

/** A folder as another process left it. */
function leave(root: string, nodeId: string, owner: object | string): void {
  mkdirSync(join(root, nodeId), { recursive: true })
  const text = typeof owner === 'string' ? owner : JSON.stringify(owner)
  writeFileSync(join(root, nodeId, 'owner.json'), text)
}

const deadIn = (root: string) => deadFolders(root, NOW_MS).map(({ nodeId }) => nodeId)

test('a living run has its folder to itself, and it is gone when it is removed', () => {
  const root = rootOf()
  expect(deadIn(root)).toEqual([])
  const folder = claimFolder(root, 'node_1')
  expect(deadIn(root)).toEqual([])
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
  // Long before silence would tell.
  const dead = deadFolders(root, Date.now()).map(({ nodeId }) => nodeId)
  expect([...dead].sort((one, other) => one.localeCompare(other))).toEqual([
    'node_ended',
    'node_reused',
    'node_torn',
  ])
})

test('a run of another machine is alive as long as it says so', () => {
  const root = rootOf()
  leave(root, 'node_far', { pid: 1, host: 'another machine', startedAt: '1' })
  const folder = { path: join(root, 'node_far'), nodeId: 'node_far' }
  beat(folder, NOW_MS - 59_000)
  expect(deadIn(root)).toEqual([])
  beat(folder, NOW_MS - 61_000)
  expect(deadIn(root)).toEqual(['node_far'])
})

test('a folder is never seen without its owner', () => {
  const root = rootOf()
  mkdirSync(join(root, '.node_being_made'), { recursive: true })
  expect(deadIn(root)).toEqual([])
  const { path } = claimFolder(root, 'node_1')
  expect(JSON.parse(readFileSync(join(path, 'owner.json'), 'utf8'))).toMatchObject({ pid: process.pid })
})
