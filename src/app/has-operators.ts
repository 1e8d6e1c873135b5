/** Whether anybody could let others in: the link of the first start is for a gateway where nobody can. */

import type { KeyIndex } from '../keys/key-index.ts'
import type { Directory, Role } from '../keys/records.ts'

/**
 * Whether a person may sign in, or a key ask, who may make keys and people. Members and viewers do not count, nor do those
 * who were disabled and keys that were revoked or have expired: where only they are left, nobody would get in any more.
 */
export function hasOperators({ users }: Directory, { entries }: KeyIndex, nowMs: number): boolean {
  return (
    users.some(
      ({ role, isService, disabledAtMs }) => isOperator(role) && !isService && disabledAtMs === undefined,
    ) ||
    entries
      .values()
      .some(
        ({ asAdmin, expiresAtMs = Number.POSITIVE_INFINITY }) =>
          asAdmin !== undefined && isOperator(asAdmin.holder.role) && nowMs < expiresAtMs,
      )
  )
}

function isOperator(role: Role): boolean {
  return role === 'owner' || role === 'admin'
}
