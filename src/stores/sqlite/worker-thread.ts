/** The facade's end of a worker thread: calls by name, answered in order; a thread that died is started anew by the next call. */

import { Worker } from 'node:worker_threads'
import { StoreConflict, StoreSchemaError, StoreUnavailable } from '../../std/store-error.ts'
import { CorruptFile } from './database.ts'
import type { Answer, Call, ErrorKind, OperationName, Operations, WorkerSetup } from './protocol.ts'

/** Calls that may wait for one thread; beyond them the store is not available. */
const CALLS_MAX = 2_000

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

export class WorkerThread {
  readonly #setup: WorkerSetup
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #calls = 0

  constructor(setup: WorkerSetup) {
    this.#setup = setup
  }

  call<Name extends OperationName>(
    name: Name,
    ...values: Parameters<Operations[Name]>
  ): Promise<ReturnType<Operations[Name]>> {
    return this.callGiving([], name, ...values)
  }

  /** `given`: buffers that stand in the values and are the thread's from now on. */
  callGiving<Name extends OperationName>(
    given: readonly ArrayBuffer[],
    name: Name,
    ...values: Parameters<Operations[Name]>
  ): Promise<ReturnType<Operations[Name]>> {
    if (this.#waiting.size >= CALLS_MAX)
      return Promise.reject(
        new StoreUnavailable(`The database does not answer: ${CALLS_MAX} operations wait for it.`),
      )
    type Result = ReturnType<Operations[Name]>
    return new Promise<Result>((resolve, reject) => {
      this.#calls += 1
      const call: Call = { id: this.#calls, name, values }
      // Sound: the worker answers a call with what the operation of that name returns.
      this.#waiting.set(call.id, { resolve: (result) => resolve(result as Result), reject })
      const worker = (this.#worker ??= this.#start())
      // A process may end while nothing is asked, and not before what is asked is answered.
      worker.ref()
      worker.postMessage(call, given)
    })
  }

  /** Answers what was asked before, then ends the thread. The next call starts another. */
  async close(): Promise<void> {
    const worker = this.#worker
    if (worker === undefined) return
    await this.call('close')
    this.#worker = undefined
    await worker.terminate()
  }

  #start(): Worker {
    const worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), {
      workerData: this.#setup,
      // What the process was started with is not meant for a thread of ours.
      execArgv: [],
    })
    worker.on('message', (answer: Answer) => this.#answered(answer))
    worker.on('error', (error) => this.#died(worker, error))
    worker.on('exit', () => this.#died(worker, undefined))
    return worker
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (this.#waiting.size === 0) this.#worker?.unref()
    if (answer.error === undefined) waiting?.resolve(answer.result)
    else waiting?.reject(errorOf(answer.error.kind, answer.error.message))
  }

  #died(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of waiting)
      reject(new StoreUnavailable('The database does not answer: its thread ended.', { cause }))
  }
}

function errorOf(kind: ErrorKind, message: string): Error {
  switch (kind) {
    case 'unavailable':
      return new StoreUnavailable(message)
    case 'conflict':
      return new StoreConflict(message)
    case 'schema':
      return new StoreSchemaError(message)
    case 'corrupt':
      return new CorruptFile(message)
    case 'range':
      return new RangeError(message)
    case 'other':
      return new Error(message)
  }
}
