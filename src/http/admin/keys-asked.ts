/** Which keys the filter `key` of a report means. */

import { keysMeant } from '../../keys/rotation-lines.ts'
import type { AdminCall } from './endpoint.ts'

/** A name means nothing but a key in sight, with its line. A word that is no key may be one that the file had. */
export function keysAsked(
  { sight, directory, rooms }: Pick<AdminCall, 'sight' | 'directory' | 'rooms'>,
  asked: string | undefined,
): readonly string[] | undefined {
  if (asked === undefined) return undefined
  const keys = sight.onlyUser === undefined ? directory.keys : directory.keys.filter((key) => sight.key(key))
  return keysMeant({ keys, namesOfFile: rooms.namesOfFile() }, asked) ?? [asked]
}
