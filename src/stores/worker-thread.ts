/** The facade's end of a worker thread: calls by name, answered in order; a thread that died is started anew by the next call. */

import { Worker } from 'node:worker_threads'
import { describeDefect } from '../errors/describe-defect.ts'
import type { Notice } from '../std/notice.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import { UnderWay } from '../std/under-way.ts'
import { type Answer, type Call, type ErrorKind, errorOf } from './worker-calls.ts'

/** Calls that may wait for one thread; beyond them the store is not available. */
const CALLS_MAX = 2_000

interface Waiting {
  readonly id: number
  /** Who answers: a thread that ends leaves the calls of the next one alone. */
  readonly worker: Worker
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

export interface WorkerThreadOptions {
  /** What the thread runs. */
  readonly file: URL
  /** Its `workerData`. */
  readonly setup: unknown
  /** What it is called where its death is told of. */
  readonly name: string
  /** Told where it dies by itself. */
  readonly onNotice?: ((notice: Notice) => void) | undefined
  /** Default: as `worker-calls.ts` has it. */
  readonly errorOf?: (kind: ErrorKind, message: string) => Error
}

/** What can be called by name: values and results are copied between the threads. */
type Callable<Operations> = { readonly [Name in keyof Operations]: (...values: never[]) => unknown }

export class WorkerThread<Operations extends Callable<Operations> & { close(): void }> {
  readonly #options: WorkerThreadOptions
  /** By the number of the call. */
  readonly #waiting = new UnderWay<number, Waiting>()
  #worker: Worker | undefined
  /** Resolves when all threads that were closed have ended. */
  #ended = Promise.resolve()
  #calls = 0

  constructor(options: WorkerThreadOptions) {
    this.#options = options
  }

  call<Name extends keyof Operations & string>(
    name: Name,
    ...values: Parameters<Operations[Name]>
  ): Promise<ReturnType<Operations[Name]>> {
    return this.callGiving([], name, ...values)
  }

  /** `given`: buffers that stand in the values and are the thread's from now on. */
  callGiving<Name extends keyof Operations & string>(
    given: readonly ArrayBuffer[],
    name: Name,
    ...values: Parameters<Operations[Name]>
  ): Promise<ReturnType<Operations[Name]>> {
    // Sound: the worker answers a call with what the operation of that name returns.
    return this.#ask(given, name, values) as Promise<ReturnType<Operations[Name]>>
  }

  /** Answers what was asked before, then ends the thread. A call that comes meanwhile is another thread's. Never rejects. */
  async close(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    if (worker !== undefined) this.#ended = this.#end(worker, this.#ended)
    await this.#ended
  }

  /** One that died instead, or could not close what it has open, has ended all the same. */
  async #end(worker: Worker, before: Promise<void>): Promise<void> {
    await this.#send(worker, [], 'close', []).catch(() => undefined)
    await worker.terminate()
    this.#giveUp(worker)
    await before
  }

  #ask(given: readonly ArrayBuffer[], name: string, values: readonly unknown[]): Promise<unknown> {
    if (this.#waiting.size >= CALLS_MAX)
      return Promise.reject(
        new StoreUnavailable(`The database does not answer: ${CALLS_MAX} operations wait for it.`, {
          wasAsked: false,
        }),
      )
    this.#worker ??= this.#start()
    return this.#send(this.#worker, given, name, values)
  }

  #send(
    worker: Worker,
    given: readonly ArrayBuffer[],
    name: string,
    values: readonly unknown[],
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#calls += 1
      const call: Call = { id: this.#calls, name, values }
      this.#waiting.set(call.id, { id: call.id, worker, resolve, reject })
      // A process may end while nothing is asked, and not before what is asked is answered.
      worker.ref()
      worker.postMessage(call, given)
    })
  }

  #start(): Worker {
    const worker = new Worker(this.#options.file, {
      name: this.#options.name,
      workerData: this.#options.setup,
      // What the process was started with is not meant for a thread of ours.
      execArgv: [],
    })
    worker.on('message', (answer: Answer) => this.#answered(worker, answer))
    worker.on('error', (error) => this.#died(worker, error))
    worker.on('exit', () => this.#died(worker, undefined))
    return worker
  }

  #answered(worker: Worker, answer: Answer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (!this.#waiting.values().some((other) => other.worker === worker)) worker.unref()
    if (answer.error === undefined) waiting?.resolve(answer.result)
    else waiting?.reject((this.#options.errorOf ?? errorOf)(answer.error.kind, answer.error.message))
  }

  /** Told of twice: with an error, and when it has ended. One that is being closed is nobody's any more. */
  #died(worker: Worker, cause: unknown): void {
    if (this.#worker === worker) {
      this.#worker = undefined
      this.#tellOfDeath(cause)
    }
    this.#giveUp(worker, cause)
  }

  #tellOfDeath(cause: unknown): void {
    const { name, onNotice } = this.#options
    onNotice?.({
      level: 'error',
      name: 'store_thread_ended',
      message: `A thread of the store (${name}) ended by itself, a defect of the gateway. Requests go on; whoever needs the thread next starts it anew.`,
      facts: { thread: name, ...describeDefect(cause) },
    })
  }

  /** Nobody answers its calls any more. */
  #giveUp(worker: Worker, cause?: unknown): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.worker !== worker) continue
      this.#waiting.delete(waiting.id)
      waiting.reject(new StoreUnavailable('The database does not answer: its thread ended.', { cause }))
    }
  }
}
