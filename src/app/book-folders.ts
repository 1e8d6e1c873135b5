/** The folders that nodes keep their logs in: one for each run of a process, so that what a dead one left is told from what a living one writes. */

import {
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { isJsonObject, parseJson } from '../std/json.ts'
import { isMissing } from '../std/replace-file.ts'

export interface BookFolder {
  readonly path: string
  readonly nodeId: string
}

/**
 * Makes this run's folder. It has its owner from the first moment it can be seen: another process that looks for what dead
 * ones left would take one without for such, and remove it.
 */
export function claimFolder(root: string, nodeId: string): BookFolder {
  const folder = path.join(root, nodeId)
  const draft = path.join(root, `${UNCLAIMED}${nodeId}`)
  mkdirSync(draft, { recursive: true, mode: 0o700 })
  const owner = { pid: process.pid, host: placeOf(), startedAt: startOf(process.pid) }
  writeFileSync(ownerFile(draft), JSON.stringify(owner), { mode: 0o600 })
  renameSync(draft, folder)
  return { path: folder, nodeId }
}

/** How the names of folders begin that are being made; nobody takes them for anything. */
const UNCLAIMED = '.'

/** Where a run keeps the log of its journal. */
export function journalFolder({ path: folder }: BookFolder): string {
  return path.join(folder, 'journal')
}

/**
 * Says that this run is alive, for processes of other machines that share the folder. False where the folder is not its own
 * any more: another process took it for dead, or somebody removed it. Throws Node's error where nobody can tell.
 */
export function beat({ path: folder }: BookFolder, wallMs: number): boolean {
  try {
    utimesSync(ownerFile(folder), wallMs / 1_000, wallMs / 1_000)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    // Not every file system lets times be set.
    statSync(ownerFile(folder))
    return true
  }
}

/**
 * Takes a folder away from its owner, before it is brought in: an owner that lives after all finds out at its next beat, and
 * whoever looks at the folder from now on takes it for a dead one's. Throws Node's error.
 */
export function disown({ path: folder }: BookFolder): void {
  rmSync(ownerFile(folder), { force: true })
}

export function removeFolder({ path: folder }: BookFolder): void {
  rmSync(folder, { recursive: true, force: true })
}

/** The folders of all runs; none where the disk does not tell. */
export function foldersIn(root: string): readonly BookFolder[] {
  try {
    return readdirSync(root, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() && !entry.name.startsWith(UNCLAIMED)
        ? [{ nodeId: entry.name, path: path.join(root, entry.name) }]
        : [],
    )
  } catch {
    return []
  }
}

/** What a folder tells of its owner. */
export type OwnerSign =
  /** Its process is over, or it has no owner. */
  | { readonly type: 'gone' }
  | { readonly type: 'running' }
  /** Nothing here knows its process: only that the mark changes tells that it lives. Absent where nobody can read it now. */
  | { readonly type: 'distant'; readonly mark?: string }

export function signOf({ path: folder }: BookFolder): OwnerSign {
  let text: string
  try {
    text = readFileSync(ownerFile(folder), 'utf8')
  } catch (error) {
    return isMissing(error) ? { type: 'gone' } : distant(folder)
  }
  const owner = readOwner(text)
  if (owner === undefined) return { type: 'gone' }
  const { pid, host, startedAt } = owner
  if (host !== placeOf()) return distant(folder)
  if (!isRunning(pid)) return { type: 'gone' }
  const start = startOf(pid)
  if (start === startedAt) return { type: 'running' }
  // Of another user's process the system may not say it.
  return start === '' || startedAt === '' ? distant(folder) : { type: 'gone' }
}

/**
 * Two times of the file, which are compared with nothing but themselves: its owner's clock is none of ours. Each beat sets the
 * first by the owner's clock, and the file system the second by its own, also where the owner's stands still. The file was
 * opened just before, so that NFS tells them as they are now and not as it remembers them.
 */
function distant(folder: string): OwnerSign {
  try {
    const { mtimeNs, ctimeNs } = statSync(ownerFile(folder), { bigint: true })
    return { type: 'distant', mark: `${mtimeNs} ${ctimeNs}` }
  } catch {
    return { type: 'distant' }
  }
}

/** Where numbers of processes mean the same: a machine, and on it a namespace of processes. */
function placeOf(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}

function readOwner(text: string): { pid: number; host: string; startedAt: string } | undefined {
  try {
    const value = parseJson(text)
    if (!isJsonObject(value)) return undefined
    const { pid, host, startedAt } = value
    if (typeof pid !== 'number' || typeof host !== 'string' || typeof startedAt !== 'string') return undefined
    return { pid, host, startedAt }
  } catch {
    return undefined
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Tells one process from another of the same number, where the system says it; empty elsewhere. */
function startOf(pid: number): string {
  try {
    // The name in the second field may hold spaces; the 22nd field is the start, in ticks since the machine's.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return fields[STARTED_AT] ?? ''
  } catch {
    return ''
  }
}

/** Place of the start time after the name. */
const STARTED_AT = 19

function ownerFile(folder: string): string {
  return path.join(folder, 'owner.json')
}
