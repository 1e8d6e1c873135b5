import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { createSnapshotFile } from '../keys/directory-snapshot.ts'
import { KnownFiles } from './known-files.ts'

const DIRECTORY = { revision: 3, users: [], teams: [], projects: [], keys: [] }

let base: string
let files: KnownFiles
beforeEach(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-known-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  base = join(folder, 'holdfast')
  files = new KnownFiles(base)
  await createSnapshotFile(`${base}.keys.json`).write(DIRECTORY)
})

test('a store without an id is given that of the files, and knows them again by it', async () => {
  const first = await files.read(undefined)
  expect(first.last?.directory).toEqual(DIRECTORY)
  await files.keep(first.storeId)
  expect(await files.read(undefined)).toEqual(first)
  expect(await files.read(first.storeId)).toEqual(first)
})

test('of another store nothing is known, and the files go once it is the one', async () => {
  await files.keep(7)
  expect(await files.read(8)).toEqual({ storeId: 8 })
  expect(existsSync(`${base}.keys.json`)).toBe(true)
  await files.keep(8)
  expect(existsSync(`${base}.keys.json`)).toBe(false)
  expect(await files.read(8)).toEqual({ storeId: 8, last: undefined })
})

test('a file that cannot be read is not known, and keeps nobody from starting', async () => {
  writeFileSync(`${base}.budgets.json`, 'half of')
  expect((await files.read(7)).last).toBeUndefined()
  expect(await files.postedUntilMs()).toBe(0)
})
