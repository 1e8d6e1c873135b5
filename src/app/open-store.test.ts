import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { createMemoryStore } from '../stores/memory/memory-store.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import { type OpenedStore, openStore } from './open-store.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hf-open-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function open(isCopyTarget: boolean): Promise<OpenedStore> {
  const choice = { kind: 'sqlite', path: path.join(folder, 'holdfast.db') } as const
  const { notices } = createTelemetry()
  return openStore(choice, {
    clock: new ManualClock(),
    telemetry: { notices },
    masterKey: undefined,
    env: {},
    isCopyTarget,
  })
}

test('a part of a copy is opened by nobody but who goes on with it', async () => {
  const clock = new ManualClock()
  const chunks = await Array.fromAsync(createMemoryStore({ clock }).exportAll())
  const target = await open(true)
  await expect(target.transfer?.importAll(chunks.slice(0, -1))).rejects.toThrow('before its last part')
  await target.store.close()

  await expect(open(false)).rejects.toThrow(/a part of a copy.*run the same holdfast migrate again/)
  const again = await open(true)
  await again.transfer?.importAll(chunks)
  await again.store.close()

  const whole = await open(false)
  expect((await whole.store.loadDirectory()).keys).toEqual([])
  await whole.store.close()
})
