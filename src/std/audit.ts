/**
 * A log of who changed what, to which lines can only be added: each carries the hash of the line before it, so that a
 * line changed or left out afterwards shows (SEC-55). The chain is computed where the lines are stored, in one
 * transaction with the change itself.
 */

import { createHash } from 'node:crypto'
import type { JsonValue } from './json.ts'

/** What happened, without the place in the chain. Holds no secrets: whoever writes one says keys and secrets by their ids. */
export interface AuditNote {
  readonly atMs: number
  /** `user:<id>`, `token:<id>`, `cli`, `gateway`. */
  readonly actor: string
  /** verb and noun: `create-key`, `revoke-key`, `put-budget`, `sign-in`. */
  readonly action: string
  /** The id of what was changed. */
  readonly subject: string
  readonly before?: JsonValue
  readonly after?: JsonValue
}

export interface AuditLine extends AuditNote {
  /** 1 for the first line. */
  readonly sequence: number
  /** Hex SHA-256; 64 zeros before the first line. */
  readonly previousHash: string
  readonly hash: string
}

export const AUDIT_GENESIS = '0'.repeat(64)

/** The next line of the chain. */
export function chainAudit(
  note: AuditNote,
  last: Pick<AuditLine, 'sequence' | 'hash'> | undefined,
): AuditLine {
  const sequence = (last?.sequence ?? 0) + 1
  const previousHash = last?.hash ?? AUDIT_GENESIS
  return { ...note, sequence, previousHash, hash: hashAudit(note, sequence, previousHash) }
}

/** The first line that does not follow from the one before it; `undefined` where the chain is whole. */
export function findBrokenLink(lines: readonly AuditLine[], from?: AuditLine): AuditLine | undefined {
  let last = from
  return lines.find((line) => {
    const isWhole =
      line.sequence === (last?.sequence ?? 0) + 1 &&
      line.previousHash === (last?.hash ?? AUDIT_GENESIS) &&
      line.hash === hashAudit(line, line.sequence, line.previousHash)
    last = line
    return !isWhole
  })
}

function hashAudit(note: AuditNote, sequence: number, previousHash: string): string {
  const { atMs, actor, action, subject, before = null, after = null } = note
  const said = JSON.stringify([
    sequence,
    previousHash,
    atMs,
    actor,
    action,
    subject,
    sorted(before),
    sorted(after),
  ])
  return createHash('sha256').update(said).digest('hex')
}

/** A database gives the fields of an object back in an order of its own. */
function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .filter((entry): entry is [string, JsonValue] => entry[1] !== undefined)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, field]) => [name, sorted(field)]),
  )
}
