/** Waits for a store no longer than a bound: what is late counts as away, though it may still happen. */

import type { Clock } from './clock.ts'
import { StoreUnavailable } from './store-error.ts'

/** Every store operation on the path of a request is waited for so long, ms. */
export const STORE_WAIT_MS = 50

/**
 * What `work` comes to. Rejects with `StoreUnavailable` after `limitMs`, in the words of `late`; what `work` says later is
 * lost.
 */
export function within<Value>(
  clock: Clock,
  limitMs: number,
  work: Promise<Value>,
  late = 'The store did not answer',
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(limitMs, () => reject(new StoreUnavailable(`${late} within ${limitMs} ms.`)))
    work.then(resolve, reject).finally(() => timer.cancel())
  })
}
