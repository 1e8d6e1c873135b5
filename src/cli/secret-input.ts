/** Secrets come in by standard input or the environment, never as an argument: arguments are seen by every process and kept by shells. */

import { Secret } from '../std/secret.ts'
import type { CliIo } from './io.ts'

export type KeyLine =
  | { readonly ok: true; readonly secret: Secret }
  | { readonly ok: false; readonly message: string }

/** The one line on standard input. */
export async function readKeyLine(io: CliIo): Promise<KeyLine> {
  const text = (await io.readIn?.(KEY_LENGTH_MAX + 2))?.trim()
  if (text === undefined || text === '')
    return { ok: false, message: 'no key came on standard input: pipe it in, as in "... --key - < key.txt"' }
  return /^[\x21-\x7e]{1,512}$/.test(text)
    ? { ok: true, secret: new Secret(text) }
    : { ok: false, message: 'what came on standard input is no key: one line of printable ASCII is expected' }
}

const KEY_LENGTH_MAX = 512

/** Names are short and chosen by people; what has the form of a key is not repeated, not even in a complaint. */
export function looksLikeKey(word: string): boolean {
  return (
    /^(?:sk|pk|rk|gsk|xai|ghp|AIza|eyJ)[-_A-Za-z0-9]{16,}/.test(word) || /^[A-Za-z0-9_+/=-]{40,}$/.test(word)
  )
}
