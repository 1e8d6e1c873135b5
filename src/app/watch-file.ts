/** Notices that a file was saved. Looks at it from time to time, which works on every file system and every way of saving. */

import { type StatsListener, unwatchFile, watchFile } from 'node:fs'

/** How often the file is looked at, ms. */
export const WATCH_INTERVAL_MS = 500

/** Calls `onChange` after each change of the file, its replacement and its return included. Returns the act of stopping. */
export function watchForChange(path: string, onChange: () => void): () => void {
  const listener: StatsListener = (now, before) => {
    if (now.mtimeMs !== before.mtimeMs || now.size !== before.size || now.ino !== before.ino) onChange()
  }
  watchFile(path, { interval: WATCH_INTERVAL_MS, persistent: false }, listener)
  return () => unwatchFile(path, listener)
}
