/**
 * Keeps what Node compiled for the next start. Node believes what it finds there, and would run the code of whoever made
 * the folder first in a directory that all may write to: so the folder is our user's alone, or there is none.
 */

import { lstatSync, mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Whoever starts the process may have said where, or that there shall be none. */
export function keepCompiled(): void {
  if (process.env['NODE_COMPILE_CACHE'] !== undefined) return
  const folder = ownFolder()
  if (folder === undefined || enableCompileCache(folder).directory === undefined) return
  // Threads of ours have it by the environment alone.
  process.env['NODE_COMPILE_CACHE'] = folder
}

/** In the directory for temporary files; `undefined` where nobody else is kept out of it. */
export function ownFolder(): string | undefined {
  const uid = process.getuid?.()
  const folder = join(tmpdir(), `holdfast-compiled-${uid ?? 'user'}`)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const found = lstatSync(folder)
    return found.isDirectory() && (uid === undefined || (found.uid === uid && (found.mode & 0o077) === 0))
      ? folder
      : undefined
  } catch {
    return undefined
  }
}
