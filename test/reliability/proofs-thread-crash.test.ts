/** A thread of the store that dies takes no request with it, and the books catch up with those that came meanwhile. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { startSimulated } from '../support/gateway-process.ts'
import { PROOF_MS } from './proofs.test-support.ts'

/** At the signal, every worker thread gets what it cannot take apart, and dies of it uncaught. */
const CRASHES = `
  import workers, { Worker } from 'node:worker_threads'
  import { syncBuiltinESMExports } from 'node:module'
  const living = new Set()
  workers.Worker = class extends Worker {
    constructor(...all) {
      super(...all)
      living.add(this)
      this.on('exit', () => living.delete(this))
    }
  }
  syncBuiltinESMExports()
  process.on('SIGUSR2', () => {
    for (const worker of living) worker.postMessage(null)
  })`
/** Asked before, around and after the crash. */
const REQUESTS = 20
/** The store is looked at every second while it is away. */
const POSTED_MS = 20_000

test('fault 135: a thread of the store that crashes is begun again, while requests go on and none is lost', {
  timeout: PROOF_MS,
}, async () => {
  const gateway = await startSimulated({
    nodeArguments: ['--import', './preload.mjs'],
    prepare: (folder) => writeFileSync(join(folder, 'preload.mjs'), CRASHES),
  })
  const ask = async () => {
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'simulator/mock', messages: [{ role: 'user', content: 'hi' }] }),
    })
    await answer.arrayBuffer()
    return answer.status
  }
  const askAll = () => Promise.all(Array.from({ length: REQUESTS }, ask))
  const allWell = Array.from({ length: REQUESTS }, () => 200)

  expect(await askAll()).toEqual(allWell)
  await expect.poll(() => posted(gateway.folder), { timeout: POSTED_MS }).toBe(REQUESTS)
  for (const crashes of [1, 2]) {
    gateway.kill('SIGUSR2')
    expect(await askAll()).toEqual(allWell)
    await expect.poll(() => posted(gateway.folder), { timeout: POSTED_MS }).toBe(REQUESTS * (crashes + 1))
    await expect
      .poll(() => gateway.linesLike({ notice: 'store_thread_ended' }).length, { timeout: POSTED_MS })
      .toBeGreaterThanOrEqual(crashes)
  }
  const [told] = gateway.linesLike({ notice: 'store_thread_ended' })
  expect(told).toMatchObject({ level: 'error', facts: { thread: 'sqlite-write', kind: 'TypeError' } })
})

/** Requests that are in the file. */
function posted(folder: string): number {
  const db = new DatabaseSync(join(folder, 'holdfast.db'), { readOnly: true })
  try {
    // Sound: an aggregate has one row.
    return (db.prepare('SELECT count(*) AS requests FROM requests').get() as { requests: number }).requests
  } finally {
    db.close()
  }
}
