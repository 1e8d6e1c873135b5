import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DatabaseFolder } from './sqlite.test-support.ts'
import { WorkerThread } from './worker-thread.ts'

let files: DatabaseFolder
let thread: WorkerThread
beforeEach(() => {
  files = new DatabaseFolder()
  thread = new WorkerThread({ role: 'write', path: files.path })
})
afterEach(async () => {
  await thread.close()
  await files.remove()
})

describe('a thread that is closed', () => {
  test('answers what was asked before, and another one what is asked meanwhile', async () => {
    const before = thread.call('directoryRevision')
    const closing = thread.close()
    const meanwhile = [thread.call('directoryRevision'), thread.call('directoryRevision')]
    expect(await before).toBe(0)
    await closing
    expect(await Promise.all(meanwhile)).toEqual([0, 0])
  })

  test('is closed once, and closed for everybody who asked for it', async () => {
    await thread.call('open', 0)
    await Promise.all([thread.close(), thread.close()])
    expect(files.names).toEqual(['holdfast.db'])
  })
})
