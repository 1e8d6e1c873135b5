/** Sets variables in a `.env` file and leaves every other line as it is. */

import { type Edited, SETTINGS_LENGTH_MAX, tooLarge } from './edited.ts'

export function editDotenv(
  text: string,
  variables: readonly (readonly [name: string, value: string])[],
): Edited {
  if (text.length > SETTINGS_LENGTH_MAX) return tooLarge
  const newline = text.includes('\r\n') ? '\r\n' : '\n'
  const lines = text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/)
  for (const [name, value] of variables) {
    const line = `${name}=${quoted(value)}`
    // Of a name set twice, readers disagree on which counts: all of them are set.
    const places = lines.flatMap((one, at) => (nameOf(one) === name ? [at] : []))
    for (const at of places) if (valueOf(lines[at] ?? '') !== value) lines[at] = line
    if (places.length === 0) lines.push(line)
  }
  return { ok: true, text: lines.map((line) => line + newline).join('') }
}

function nameOf(line: string): string | undefined {
  return /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=/.exec(line)?.[1]
}

function valueOf(line: string): string {
  const value = line.slice(line.indexOf('=') + 1).trim()
  return /^(["'])(.*)\1$/.exec(value)?.[2] ?? value
}

function quoted(value: string): string {
  return /^[A-Za-z0-9_./:@%+,=-]*$/.test(value) ? value : `'${value}'`
}
