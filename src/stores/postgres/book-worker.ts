/**
 * A thread with a connection of its own: adds up spending and makes blocks, one after the other. It takes a good part of a
 * second of computing at times, and requests are answered on the main thread.
 */

import { workerData } from 'node:worker_threads'
import { systemClock } from '../../std/clock.ts'
import { answerCalls } from '../answer-calls.ts'
import { kindOf } from '../worker-calls.ts'
import { buildStep } from './block-builder.ts'
import type { BookOperations, BookWorkerSetup } from './book-thread.ts'
import { readConnectionUrl } from './connection-url.ts'
import { Connections } from './connections.ts'
import { KeptBlocks } from './kept-blocks.ts'
import { OriginBook } from './origin-book.ts'
import { spendRows } from './postgres-spend.ts'

type Name = keyof BookOperations
/** Between two uses; then the connection is ended, and what is known of it forgotten, which gives its memory back. */
const IDLE_MS = 300_000

// Sound: the facade starts this file with a setup.
const { url, deadlineMs } = workerData as BookWorkerSetup
const known = { origins: new OriginBook(), blocks: new KeptBlocks() }
const connections = open()
let last: Promise<unknown> = Promise.resolve()

answerCalls((name, values) => {
  // Sound: the facade calls operations alone.
  if (name === 'close') return close()
  const done = last.then(() => perform(name as Name, values))
  last = done.catch(() => undefined)
  return done
}, kindOf)

async function open(): Promise<Connections> {
  const read = readConnectionUrl(url)
  if (read.type === 'refused') throw new TypeError(read.reason)
  return Connections.open({
    address: read.address,
    clock: systemClock,
    connectionsMax: 1,
    idleMs: IDLE_MS,
    onChange: () => {
      known.origins.clear()
      known.blocks.clear()
    },
  })
}

/** What is under way is cut short where it takes long, and answered before this is. */
async function close(): Promise<void> {
  await (await connections).close()
  await last
}

async function perform(name: Name, values: readonly unknown[]): Promise<unknown> {
  return (await connections).transaction<unknown>(deadlineMs, (session) => {
    switch (name) {
      case 'build':
        return buildStep(session, known.origins)
      default: {
        // Sound: the facade gives what the operation takes.
        const [query] = values as Parameters<BookOperations['spend']>
        return spendRows(session, query, known)
      }
    }
  })
}
