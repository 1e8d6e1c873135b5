import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { V8_FLAGS } from './v8-flags.ts'

test('this Node knows the flags: it would only complain of one that is gone, and go on without', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [...V8_FLAGS, '-p', '"knows them"'])
  expect(stdout).toBe('knows them\n')
  await expect(promisify(execFile)(process.execPath, ['--no-such-flag', '-p', '1'])).rejects.toThrow(
    'bad option',
  )
})
