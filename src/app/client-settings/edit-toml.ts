/** Sets values in a TOML settings file and leaves every other character as it is. */

import { type Edited, SETTINGS_LENGTH_MAX, splice, tooLarge } from './edited.ts'
import { readTomlLines, type TomlLines } from './toml-lines.ts'

export interface TomlEdit {
  /** The table it stands in; none: before all tables. */
  readonly table: readonly string[]
  readonly key: string
  readonly value: string
}

export function editToml(text: string, edits: readonly TomlEdit[]): Edited {
  if (text.length > SETTINGS_LENGTH_MAX) return tooLarge
  let edited = text
  for (const edit of edits) {
    const lines = readTomlLines(edited)
    if (lines === undefined) return { ok: false, reason: 'is not TOML that can be changed safely' }
    const otherwise = saidOtherwise(lines, edit)
    if (otherwise !== undefined) return { ok: false, reason: otherwise }
    edited = setValue(edited, lines, edit)
  }
  return { ok: true, text: edited }
}

/** A table may also be written as `a.b.c = 1` or `a = { b = {} }`: such a file is changed by its owner. */
function saidOtherwise({ pairs, headers }: TomlLines, { table, key }: TomlEdit): string | undefined {
  const whole = [...table, key]
  const isWithin = (path: readonly string[]) =>
    path.length <= whole.length && path.every((part, at) => part === whole[at])
  const pair = pairs.find(
    (one) => isWithin([...one.table, ...one.key]) && !(isSame(one.table, table) && isSame(one.key, [key])),
  )
  if (pair !== undefined) return `sets ${[...pair.table, ...pair.key].join('.')} in a way of its own`
  const list = headers.find(({ isList, name }) => isList && isWithin(name))
  return list === undefined ? undefined : `has a list of tables at ${list.name.join('.')}`
}

function setValue(text: string, { pairs, headers }: TomlLines, { table, key, value }: TomlEdit): string {
  const written = JSON.stringify(value)
  const inTable = pairs.filter((pair) => isSame(pair.table, table))
  const pair = inTable.find((one) => isSame(one.key, [key]))
  if (pair !== undefined) return splice(text, { start: pair.valueStart, end: pair.valueEnd, text: written })
  const line = `${key} = ${written}`
  const header = headers.find(({ name }) => isSame(name, table))
  const end = inTable.at(-1)?.end ?? header?.end
  if (end !== undefined) return insertLine(text, end, line)
  if (table.length === 0) return insertFirst(text, line)
  const gap = text === '' ? '' : '\n'
  return insertLine(text, text.length, `${gap}[${table.map(bare).join('.')}]\n${line}`)
}

function insertFirst(text: string, line: string): string {
  const at = text.startsWith('\uFEFF') ? 1 : 0
  const gap = text.length === at || text.startsWith('\n', at) ? '' : '\n'
  return splice(text, { start: at, end: at, text: `${line}\n${gap}` })
}

function insertLine(text: string, at: number, line: string): string {
  const newline = text.includes('\r\n') ? '\r\n' : '\n'
  const isAfterLine = at === 0 || text[at - 1] === '\n'
  const lines = `${line}\n`.replaceAll('\n', newline)
  return splice(text, { start: at, end: at, text: isAfterLine ? lines : `${newline}${lines}` })
}

function bare(part: string): string {
  return /^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part)
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((part, at) => part === other[at])
}
