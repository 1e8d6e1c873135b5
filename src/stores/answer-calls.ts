/** The inner end of a worker thread: does what it is called for, and answers with the result or with what kind of error it was. */

import { flushCompileCache } from 'node:module'
import { parentPort } from 'node:worker_threads'
import type { Answer, Call, ErrorKind } from './worker-calls.ts'

/** `close` is the last call: the thread has nothing to wait for after it. */
export function answerCalls(
  perform: (name: string, values: readonly unknown[]) => unknown,
  kindOf: (error: unknown) => ErrorKind,
): void {
  parentPort?.on('message', ({ id, name, values }: Call) => {
    void answer(id, () => perform(name, values), kindOf).then((said) => {
      parentPort?.postMessage(said)
      if (name === 'close') parentPort?.close()
    })
  })
  // As the main thread does when it listens: the end of a process that is killed writes nothing.
  flushCompileCache()
}

async function answer(
  id: number,
  work: () => unknown,
  kindOf: (error: unknown) => ErrorKind,
): Promise<Answer> {
  try {
    return { id, result: await work() }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { id, error: { kind: kindOf(error), message } }
  }
}
