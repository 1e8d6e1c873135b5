/** What a change may name and hand out: nobody gives, takes or changes more than he has himself. */

import type { Role } from '../../keys/records.ts'
import { mayGrant } from './access.ts'
import { AdminProblem, invalid } from './problem.ts'

export function checkGrant(own: Role, granted: Role | undefined): void {
  if (granted === undefined || mayGrant(own, granted)) return
  throw new AdminProblem(
    'permission_denied',
    `Your role, ${own}, is below that of what this changes: ${granted}.`,
  )
}

/** Ids alone: a name that somebody chose to look like an id means nothing here. */
export function byId(
  field: string,
  id: string | undefined,
  records: readonly { readonly id: string }[],
): string | undefined {
  if (id === undefined || records.some((record) => record.id === id)) return id
  throw invalid(field, 'There is none with this id.')
}
