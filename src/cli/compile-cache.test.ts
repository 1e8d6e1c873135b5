import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ownFolder } from './compile-cache.ts'

/** A directory for temporary files, and the folder that is looked for in it. */
function stage(): { readonly root: string; readonly folder: string } {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-compiled-test-'))
  vi.stubEnv('TMPDIR', root)
  onTestFinished(() => {
    vi.unstubAllEnvs()
    rmSync(root, { recursive: true, force: true })
  })
  return { root, folder: join(root, `holdfast-compiled-${process.getuid?.() ?? 'user'}`) }
}

test('what was compiled is kept in a folder of our own, and found there again', () => {
  const { folder } = stage()
  expect(ownFolder()).toBe(folder)
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  expect(ownFolder()).toBe(folder)
})

test('a folder that others may write to holds nothing of ours', () => {
  const { folder } = stage()
  mkdirSync(folder)
  chmodSync(folder, 0o777)
  expect(ownFolder()).toBeUndefined()
})

test('a link that waits in its place is not followed', () => {
  const { root, folder } = stage()
  const elsewhere = join(root, 'elsewhere')
  mkdirSync(elsewhere, { mode: 0o700 })
  symlinkSync(basename(elsewhere), folder)
  expect(ownFolder()).toBeUndefined()
})

test('where no folder can be made there is none', () => {
  const { root } = stage()
  const file = join(root, 'file')
  writeFileSync(file, '')
  vi.stubEnv('TMPDIR', file)
  expect(ownFolder()).toBeUndefined()
})
