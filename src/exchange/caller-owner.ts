/** Under whose name things are kept and counted for a caller: one name for every key of a line of rotations. */

import type { Caller } from './gateway.ts'
import type { RecallOwner } from './recall-step.ts'

/** `undefined` where there are no keys, and everything is everybody's. */
export function ownerOf({ line, keyId, keyName }: Caller): string | undefined {
  return line?.[0] ?? keyId ?? keyName
}

/** A project's requests share what is kept; keys of a client are its own. */
export function recallOwnerOf(caller: Caller): RecallOwner {
  const owner = ownerOf(caller) ?? ''
  return { tenant: caller.projectId ?? owner, keyId: owner }
}
