/**
 * Names that clients say of a request: an end user, a tag, a session. Requests keep them in one form, and whoever bounds or
 * looks for what was spent by such a name asks for that form: the same name is the same wherever it is written.
 */

import { isUtf8 } from 'node:buffer'
import type { BudgetScope } from './budget.ts'

/** Characters of an end user's name; a longer one is cut. */
export const END_USER_LENGTH_MAX = 128
/** Characters of a tag; a longer one is cut. */
export const TAG_LENGTH_MAX = 64
/** Characters of a session; a longer one is cut. */
export const SESSION_LENGTH_MAX = 128

/** As requests keep it; empty where nobody is named. A name that is kept stays as it is. */
export function endUserName(said: string): string {
  return plain(said, END_USER_LENGTH_MAX)
}

/** As requests keep it: `name` or `name:value`. */
export function tagName(said: string): string {
  return plain(said, TAG_LENGTH_MAX)
}

/** As requests keep it. */
export function sessionName(said: string): string {
  return plain(said, SESSION_LENGTH_MAX)
}

/** Names that are looked for; others than these may stand beside them. */
export interface AskedNames {
  readonly endUser?: string | undefined
  readonly tag?: string | undefined
  readonly session?: string | undefined
}

/** As requests keep them, without those that are not asked for. */
export function namesAsked({ endUser, tag, session }: AskedNames): {
  readonly endUser?: string
  readonly tag?: string
  readonly session?: string
} {
  return {
    ...(endUser !== undefined && { endUser: endUserName(endUser) }),
    ...(tag !== undefined && { tag: tagName(tag) }),
    ...(session !== undefined && { session: sessionName(session) }),
  }
}

/** What requests have where a budget of this scope bounds them. */
export function scopeName({ kind, id }: BudgetScope): string {
  switch (kind) {
    case 'end-user':
      return endUserName(id)
    case 'tag':
      return tagName(id)
    default:
      return id
  }
}

export type ScopeName =
  | { readonly name: string; readonly fault?: never }
  /** Why a budget for it would bound nothing, or others too: a clause, in printable ASCII. */
  | { readonly fault: string; readonly name?: never }

/** The name that a new budget is for. One that is cut would be for all that begin alike: it is refused. */
export function readScopeName(kind: 'end-user' | 'tag', said: string): ScopeName {
  const [what, lengthMax] =
    kind === 'tag' ? (['a tag', TAG_LENGTH_MAX] as const) : (['an end user', END_USER_LENGTH_MAX] as const)
  const name = plain(said, lengthMax)
  if (name === '') return { fault: `this names ${kind === 'tag' ? 'no tag' : 'nobody'}` }
  const { length } = encoded(said, Number.POSITIVE_INFINITY)
  if (length <= lengthMax) return { name }
  return {
    fault:
      `of ${what} ${lengthMax} characters are kept, and this has ${length} (other letters than ASCII count as many as ` +
      `their percent-encoding has): say a shorter one, or what is kept of it: ${name}`,
  }
}

/**
 * A name that another gateway of ours has kept: a letter from Latin-1 that was not sent as UTF-8 stood as its one byte,
 * `%FC`, where now `%C3%BC` is kept.
 */
export function formerName(name: string): string {
  return name.replace(/(?:%[89A-F][0-9A-F])+/g, (codes) => {
    const bytes = Buffer.from(codes.replaceAll('%', ''), 'hex')
    return isUtf8(bytes) ? codes : encodeURIComponent(bytes.toString('latin1'))
  })
}

const PLAIN = /^[\x20-\x7e]*$/

/** Without space around it, other characters than printable ASCII percent-encoded, cut at no half of such a code. */
function plain(text: string, lengthMax: number): string {
  // Twice as much as is kept, since letters that are composed of several become fewer; the rest would be cut off below.
  const begun = text.trim().slice(0, 2 * lengthMax)
  if (PLAIN.test(begun)) return begun.slice(0, lengthMax).trimEnd()
  return encoded(begun, lengthMax).trimEnd()
}

function encoded(text: string, lengthMax: number): string {
  let kept = ''
  // Composed, since what looks the same is the same: some systems write an umlaut as two characters.
  for (const char of text.trim().normalize('NFC')) {
    const next = PLAIN.test(char) ? char : encodeURIComponent(char.toWellFormed())
    if (kept.length + next.length > lengthMax) break
    kept += next
  }
  return kept
}
