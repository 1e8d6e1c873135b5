/** A thread that owns one connection to the file: SQLite answers while it is asked, and here nobody else waits for it. */

import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../std/clock.ts'
import { StoreConflict, StoreSchemaError, StoreUnavailable } from '../../std/store-error.ts'
import { CorruptFile } from './database.ts'
import { Connections } from './operations.ts'
import type { Answer, Call, ErrorKind, WorkerSetup } from './protocol.ts'

// Sound: the facade starts this file with a setup.
const connections = new Connections(workerData as WorkerSetup, () => systemClock.wallMs())

parentPort?.on('message', ({ id, name, values }: Call) => {
  parentPort?.postMessage(answer(id, () => connections.perform(name, values)))
  if (name === 'close') parentPort?.close()
})

function answer(id: number, work: () => unknown): Answer {
  try {
    return { id, result: work() }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { id, error: { kind: kindOf(error), message } }
  }
}

function kindOf(error: unknown): ErrorKind {
  if (error instanceof StoreUnavailable) return 'unavailable'
  if (error instanceof StoreConflict) return 'conflict'
  if (error instanceof StoreSchemaError) return 'schema'
  if (error instanceof CorruptFile) return 'corrupt'
  return error instanceof RangeError ? 'range' : 'other'
}
