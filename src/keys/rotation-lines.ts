/** Lines of rotations: the keys that took each other's place, which are one key to whoever uses it. */

import type { KeyId, KeyRecord } from './records.ts'

/** Each key's line, the oldest first; keys that were never rotated have none here. */
export function linesOf(keys: readonly KeyRecord[]): ReadonlyMap<KeyId, readonly KeyId[]> {
  const lines = new Map<KeyId, KeyId[]>()
  const successors = new Map(
    keys.flatMap(({ id, replacedBy }) => (replacedBy === undefined ? [] : [[id, replacedBy] as const])),
  )
  const replaced = new Set(successors.values())
  for (const first of successors.keys()) {
    if (replaced.has(first)) continue
    const line: KeyId[] = []
    // A circle cannot be made by a rotation; should one be on record, it is walked once.
    for (let id: KeyId | undefined = first; id !== undefined && !lines.has(id); id = successors.get(id)) {
      line.push(id)
      lines.set(id, line)
    }
  }
  return lines
}

export interface NamedKeys {
  readonly keys: readonly KeyRecord[]
  /** Those of the file, which have no id but their name. */
  readonly namesOfFile: readonly string[]
}

/**
 * Whom a report means by a key, also one that is over, for what it spent is still its own: by an id that key alone, by a
 * name every key of the line of the newest that was made under it. `undefined`: there was never one.
 */
export function keysMeant({ keys, namesOfFile }: NamedKeys, asked: string): readonly string[] | undefined {
  if (keys.some(({ id }) => id === asked) || namesOfFile.includes(asked)) return [asked]
  const newest = keys.findLast(({ name }) => name === asked)
  return newest && (linesOf(keys).get(newest.id) ?? [newest.id])
}
