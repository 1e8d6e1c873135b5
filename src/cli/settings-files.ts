/** Reads and writes the settings files of other programs: a copy is kept, links are followed, and nothing is half written. */

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { type Connection, literalKey, type Places, type SettingsFile } from '../app/client-settings/client.ts'

/** What is to become of one file. */
export interface SettingsChange {
  readonly path: string
  readonly isNew: boolean
  readonly before: string
  readonly after: string
  /** Whether the key itself will stand in it, and not the name of a variable. */
  readonly holdsKey: boolean
}

export type PlannedChange =
  | { readonly ok: true; readonly change: SettingsChange }
  | { readonly ok: false; readonly path: string; readonly reason: string }

export function planChange(file: SettingsFile, connection: Connection, places: Places): PlannedChange {
  const paths = file.paths(places)
  const path = paths.find((one) => existsSync(one)) ?? paths.at(-1) ?? ''
  let before = ''
  const isNew = !existsSync(path)
  try {
    if (!isNew) before = readFileSync(path, 'utf8')
  } catch (error) {
    return { ok: false, path, reason: `cannot be read (${codeOf(error)})` }
  }
  const edited = file.edit(before, connection)
  if (!edited.ok) return { ok: false, path, reason: edited.reason }
  const key = literalKey(connection.key)
  const holdsKey = key !== undefined && edited.text.includes(key)
  return { ok: true, change: { path, isNew, before, after: edited.text, holdsKey } }
}

export type Written =
  /** `isClosed`: others on this machine could read the file, and cannot any more. */
  | { readonly ok: true; readonly backup?: string; readonly isClosed: boolean }
  | { readonly ok: false; readonly reason: string }

/** Copies kept of one file; beyond these the last one is written over. */
const BACKUPS_MAX = 20
/** Such files hold keys: they are for their owner alone. */
const NEW_FILE_MODE = 0o600
const OTHERS_MODE = 0o077

export function writeChange({ path, isNew, before, after, holdsKey }: SettingsChange): Written {
  try {
    if (isNew) mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const real = isNew ? path : realpathSync(path)
    const backup = isNew ? undefined : freeName(path)
    if (backup !== undefined) {
      writeFileSync(backup, before, { mode: NEW_FILE_MODE })
      chmodSync(backup, NEW_FILE_MODE)
    }
    const mode = isNew ? NEW_FILE_MODE : statSync(real).mode & 0o777
    const isClosed = holdsKey && (mode & OTHERS_MODE) !== 0
    replaceFile(real, after, isClosed ? mode & ~OTHERS_MODE : mode)
    return { ok: true, isClosed, ...(backup !== undefined && { backup }) }
  } catch (error) {
    return { ok: false, reason: `cannot be written (${codeOf(error)})` }
  }
}

function replaceFile(path: string, text: string, mode: number): void {
  const half = `${path}.holdfast-new`
  try {
    writeFileSync(half, text, { mode })
    chmodSync(half, mode)
    renameSync(half, path)
  } catch (error) {
    rmSync(half, { force: true })
    throw error
  }
}

function freeName(path: string): string {
  const names = Array.from(
    { length: BACKUPS_MAX },
    (_, at) => `${path}.before-holdfast${at === 0 ? '' : `-${at + 1}`}`,
  )
  return names.find((name) => !existsSync(name)) ?? names.at(-1) ?? `${path}.before-holdfast`
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
}
