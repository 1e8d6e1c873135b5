/** Settings of V8 for a process that serves requests: what it guesses right for a page in a browser and wrong here. */

import { setFlagsFromString } from 'node:v8'

/**
 * V8 makes objects in the old generation at once where those made at the same place outlived a few collections, as they
 * all do while a gateway has little to do. Under load they die young, and each one in the old generation keeps everything
 * it points to until the next full collection: the CPU time of a request rises by a fifth.
 */
export const V8_FLAGS = ['--no-allocation-site-pretenuring']

/** Once what was compiled is on the disk: V8 takes nothing from there that was compiled under other flags. */
export function setV8Flags(): void {
  for (const flag of V8_FLAGS) setFlagsFromString(flag)
}
