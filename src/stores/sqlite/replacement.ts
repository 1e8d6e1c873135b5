/**
 * Puts a new database in place of a damaged one. The new one is whole before the old one is moved, and what is cut short
 * is finished by the next who opens the file: at no moment is there an empty database where keys were (fault 128).
 */

import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import path from 'node:path'

/** A new database beside the damaged one, and then the number of the damaged one's file. */
const FRESH = '.fresh-'

/** `built`: the new one, closed and with nothing beside it. */
export function replaceDatabase(file: string, built: string, aside: string): void {
  syncFile(built)
  renameSync(built, `${file}${FRESH}${numberOf(file)}`)
  syncFolderOf(file)
  finishReplacing(file, aside)
}

/** Where a new database was made for the file that is there, or that is aside already. Any other file stays. Tells whether there was one. */
export function finishReplacing(file: string, aside: string): boolean {
  const folder = path.dirname(path.resolve(file))
  const prefix = `${path.basename(file)}${FRESH}`
  if (!existsSync(folder)) return false
  const waiting = readdirSync(folder).filter((name) => name.startsWith(prefix))
  for (const name of waiting) {
    const fresh = path.join(folder, name)
    moveAside(file, aside, name.slice(prefix.length))
    // Not over a file that is there: another process may have been faster.
    if (existsSync(file)) rmSync(fresh, { force: true })
    else if (existsSync(fresh)) renameSync(fresh, file)
    syncFolderOf(file)
  }
  return waiting.length > 0
}

/** The log goes first: beside a new database it would be taken for its own. */
function moveAside(file: string, aside: string, damaged: string): void {
  if (existsSync(file) && numberOf(file) !== damaged) return
  for (const end of ['-wal', '-shm', ''])
    if (existsSync(`${file}${end}`)) renameSync(`${file}${end}`, `${aside}${end}`)
  // Another process put the new one there between the look and the move.
  if (existsSync(aside) && numberOf(aside) !== damaged) renameSync(aside, file)
}

/** By which a file is told from another that has its name. */
export function numberOf(file: string): string {
  return String(statSync(file, { bigint: true }).ino)
}

function syncFolderOf(file: string): void {
  syncFile(path.dirname(path.resolve(file)))
}

/** A folder is synced so that the names in it are. */
function syncFile(file: string): void {
  const handle = openSync(file, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
