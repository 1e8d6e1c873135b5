/** A worker thread that dies when it is told to: for the test of who calls it. */

import { threadId } from 'node:worker_threads'
import { answerCalls } from './answer-calls.ts'

export interface MortalOperations {
  /** Which thread it is. */
  thread(): number
  /** Is never answered. */
  wait(): void
  /** Throws where nobody catches it. */
  crash(): void
  /** Ends without an error. */
  end(): void
  close(): void
}

answerCalls(
  (name) => {
    switch (name) {
      case 'thread':
        return threadId
      case 'wait':
        return new Promise(() => {})
      case 'crash':
        setImmediate(() => {
          throw new RangeError('sk-secret')
        })
        return new Promise(() => {})
      case 'end':
        return process.exit()
      default:
        return undefined
    }
  },
  () => 'other',
)
