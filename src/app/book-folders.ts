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

/** How often a living node says so, ms. */
export const HEARTBEAT_MS = 5_000
/** A node of another machine that has not said so for this long is gone, ms. */
const SILENCE_MAX_MS = 60_000

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

/** Says that this run is alive, for processes of other machines that share the folder. */
export function beat({ path: folder }: BookFolder, wallMs: number): void {
  utimesSync(ownerFile(folder), wallMs / 1_000, wallMs / 1_000)
}

/** Folders whose process is gone. */
export function deadFolders(root: string, wallMs: number): readonly BookFolder[] {
  return nodesIn(root)
    .map((nodeId) => ({ nodeId, path: path.join(root, nodeId) }))
    .filter((folder) => !isAlive(folder.path, wallMs))
}

/** Whether a process other than this run's keeps a folder here. */
export function hasCompany(root: string, nodeId: string, wallMs: number): boolean {
  return nodesIn(root).some((other) => other !== nodeId && isAlive(path.join(root, other), wallMs))
}

export function removeFolder({ path: folder }: BookFolder): void {
  rmSync(folder, { recursive: true, force: true })
}

function nodesIn(root: string): readonly string[] {
  try {
    return readdirSync(root, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() && !entry.name.startsWith(UNCLAIMED) ? [entry.name] : [],
    )
  } catch {
    return []
  }
}

function isAlive(folder: string, wallMs: number): boolean {
  const owner = readOwner(folder)
  if (owner === undefined) return false
  const { pid, host, startedAt } = owner
  if (host !== placeOf()) {
    // Without it another process has just brought the folder in.
    const beatAtMs = statSync(ownerFile(folder), { throwIfNoEntry: false })?.mtimeMs ?? wallMs
    return wallMs - beatAtMs < SILENCE_MAX_MS
  }
  return isRunning(pid) && startOf(pid) === startedAt
}

/** Where numbers of processes mean the same: a machine, and on it a namespace of processes. */
function placeOf(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}

function readOwner(folder: string): { pid: number; host: string; startedAt: string } | undefined {
  try {
    const value = parseJson(readFileSync(ownerFile(folder), 'utf8'))
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
