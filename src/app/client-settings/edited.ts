/** What became of a settings file's text: the text as it is to be, or why it is better left to its owner. Pure. */

export type Edited = { readonly ok: true; readonly text: string } | Unedited

export interface Unedited {
  readonly ok: false
  readonly reason: string
}

/** Larger than any settings file, characters. */
export const SETTINGS_LENGTH_MAX = 4 * 1024 ** 2

export const tooLarge: Unedited = { ok: false, reason: 'is larger than any settings file should be' }

/** A stretch of text and what stands there instead. */
export interface Splice {
  readonly start: number
  readonly end: number
  readonly text: string
}

export function splice(text: string, { start, end, text: instead }: Splice): string {
  return text.slice(0, start) + instead + text.slice(end)
}
