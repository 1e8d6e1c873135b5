/** Variables as lines that a shell can be fed: what is text is quoted so that no shell finds anything to do in it. */

import type { KeySource, Variable } from './client.ts'

export const shells = ['bash', 'fish', 'powershell'] as const
export type Shell = (typeof shells)[number]

export function shellLine({ name, value }: Variable, key: KeySource, shell: Shell): string {
  const said = value.type === 'text' ? quote(value.text, shell) : sayKey(key, shell)
  switch (shell) {
    case 'bash':
      return `export ${name}=${said}`
    case 'fish':
      return `set -gx ${name} ${said}`
    case 'powershell':
      return `$env:${name} = ${said}`
  }
}

function sayKey(key: KeySource, shell: Shell): string {
  if (key.type === 'secret') return quote(key.secret.reveal(), shell)
  return shell === 'powershell' ? `$env:${key.name}` : `"$${key.name}"`
}

/** Text that needs no quotes keeps none, except in PowerShell, where every text has some. */
function quote(text: string, shell: Shell): string {
  if (shell === 'powershell') return `'${text.replaceAll("'", "''")}'`
  if (/^[A-Za-z0-9_./:@%+,-]+$/.test(text)) return text
  return shell === 'fish'
    ? `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
    : `'${text.replaceAll("'", "'\\''")}'`
}
