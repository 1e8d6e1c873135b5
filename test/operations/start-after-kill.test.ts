/** A gateway that is killed leaves what Node compiled of it to its next start, and to nobody else. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { simulated, startProcess } from '../support/gateway-process.ts'

test('what was compiled is on the disk once the gateway listens, whatever ends it', async () => {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-start-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const compiled = () =>
    readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.startsWith('holdfast-compiled-'),
    )
  await using gateway = await startProcess({ config: simulated, env: { TMPDIR: root } })
  // One file for each module: there are hundreds of ours.
  await vi.waitFor(() => expect(compiled().length).toBeGreaterThan(300), { timeout: 20_000 })
  gateway.kill('SIGKILL')
  await gateway.exited
  expect(compiled().length).toBeGreaterThan(300)
})
