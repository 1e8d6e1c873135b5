/** Under whose name things are kept and counted for a caller: one name for every key of a line of rotations. */

import type { Caller } from './gateway.ts'

/** `undefined` where there are no keys, and everything is everybody's. */
export function ownerOf({ line, keyId, keyName }: Caller): string | undefined {
  return line?.[0] ?? keyId ?? keyName
}
