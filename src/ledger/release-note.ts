/** The line of the audit log that tells of a node whose leases were taken from it. */

import type { AuditNote } from '../std/audit.ts'
import type { NodeLease, ReleaseAsk } from './ledger-store.ts'

/** Leases that are told one by one. */
const LEASES_TOLD_MAX = 100

export function releaseNote(
  { nodeId, isForced, atMs, actor }: ReleaseAsk,
  leases: readonly NodeLease[],
): AuditNote {
  return {
    atMs,
    actor,
    action: 'release-lease',
    subject: nodeId,
    before: {
      nanoUsd: leases.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0),
      leases: leases.length,
      largest: leases
        .toSorted((one, other) => other.nanoUsd - one.nanoUsd)
        .slice(0, LEASES_TOLD_MAX)
        .map(({ budgetId, periodStartMs, nanoUsd }) => ({
          budgetId,
          periodStartMs,
          nanoUsd: Number(nanoUsd),
        })),
    },
    after: { isForced },
  }
}
