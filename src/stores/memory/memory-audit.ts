/** The audit log of a memory store. */

import type { Page } from '../../reports/report-store.ts'
import { type AuditLine, type AuditNote, chainAudit, findBrokenLink } from '../../std/audit.ts'
import { foreignAudit } from '../transfer.ts'

export class MemoryAudit {
  readonly #lines: AuditLine[] = []

  add(notes: readonly AuditNote[]): void {
    for (const note of notes) this.#lines.push(chainAudit(note, this.#lines.at(-1)))
  }

  get lines(): readonly AuditLine[] {
    return this.#lines
  }

  /** Takes lines of a copy as they are; those it has must be the same. */
  take(lines: readonly AuditLine[]): void {
    for (const line of lines) {
      const known = this.#lines[line.sequence - 1]
      if (known === undefined ? findBrokenLink([line], this.#lines.at(-1)) : known.hash !== line.hash)
        throw foreignAudit(line.sequence)
      if (known === undefined) this.#lines.push(line)
    }
  }

  page({ cursor, limit }: { readonly cursor?: string; readonly limit: number }): Page<AuditLine> {
    const before = cursor === undefined ? this.#lines.length : Number(cursor) - 1
    const from = Math.max(0, before - limit)
    const rows = this.#lines.slice(from, before).reverse()
    const last = rows.at(-1)
    return { rows, ...(from > 0 && last !== undefined ? { next: String(last.sequence) } : {}) }
  }
}
