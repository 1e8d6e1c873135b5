/** A thread that owns one connection to the file: SQLite answers while it is asked, and here nobody else waits for it. */

import { workerData } from 'node:worker_threads'
import { systemClock } from '../../std/clock.ts'
import { answerCalls } from '../answer-calls.ts'
import { kindOf } from '../worker-calls.ts'
import { CorruptFile } from './database.ts'
import { Connections } from './operations.ts'
import type { OperationName, WorkerSetup } from './protocol.ts'

// Sound: the facade starts this file with a setup.
const connections = new Connections(workerData as WorkerSetup, () => systemClock.wallMs())

answerCalls(
  // Sound: the facade calls operations alone.
  (name, values) => connections.perform(name as OperationName, values),
  (error) => kindOf(error, (cause) => cause instanceof CorruptFile),
)
