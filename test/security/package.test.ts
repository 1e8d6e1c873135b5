/** What would be published is the same whoever builds it, and brings nothing that is known to be unsafe to install. */

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { repositoryRoot } from '../../tools/checks/source-files.ts'

const run = promisify(execFile)

async function pack(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-pack-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--offline', '--pack-destination', folder],
    { cwd: repositoryRoot, maxBuffer: 64 * 1024 * 1024 },
  )
  // Sound: npm names the file it wrote.
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  return createHash('sha256')
    .update(readFileSync(join(folder, filename)))
    .digest('hex')
}

test('SEC-60: two builds give the same tarball, byte for byte', { timeout: 120_000 }, async () => {
  expect(await pack()).toBe(await pack())
})
