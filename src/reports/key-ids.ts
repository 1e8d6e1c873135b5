/** Which keys a report is about: one, or any of several, as of a line of rotations. */

/** An id, or several. A key of the file has no id but its name. */
export type KeyIds = string | readonly string[]

export function listOf(ids: KeyIds): readonly string[] {
  return typeof ids === 'string' ? [ids] : ids
}
