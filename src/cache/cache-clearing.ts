/**
 * How a cache that one process has emptied is emptied in the others: each hears, from a new revision of the directory of
 * keys, that something was changed, and reads in the audit log, which all of them share, whether it was the cache.
 */

import type { AuditLine, AuditNote } from '../std/audit.ts'

const CLEAR_CACHE = 'clear-cache'
/** Lines that are looked through; where more came since the last look, what is held is forgotten to be sure. */
const LINES_MAX = 100

/** Whose answers are removed, by id; of everybody where it names nobody. */
export interface CacheOwner {
  readonly project?: string | undefined
  readonly key?: string | undefined
}

interface Clearing {
  readonly atMs: number
  readonly actor: string
  readonly owner: CacheOwner
}

export function clearNote({ atMs, actor, owner: { project, key } }: Clearing): AuditNote {
  const of = project !== undefined ? { project } : key !== undefined ? { key } : { all: true }
  return { atMs, actor, action: CLEAR_CACHE, subject: 'cache', after: of }
}

export interface ClearWatchOptions {
  /** The newest lines first. */
  readonly log: {
    auditLines(query: { readonly limit: number }): Promise<{ readonly rows: readonly AuditLine[] }>
  }
  /** Forgets what is held in memory; what is left in the store is found again. */
  readonly forget: () => void
}

export class ClearWatch {
  readonly #options: ClearWatchOptions
  /** The newest line that was seen. */
  #seen: number | undefined

  constructor(options: ClearWatchOptions) {
    this.#options = options
  }

  /** After every change of the directory. Never rejects: where the log cannot be read, what is held is forgotten. */
  async look(): Promise<void> {
    const { log, forget } = this.#options
    try {
      const { rows } = await log.auditLines({ limit: LINES_MAX })
      const seenAt = rows.findIndex(({ sequence }) => sequence === this.#seen)
      const isCleared = rows.slice(0, seenAt).some(({ action }) => action === CLEAR_CACHE)
      this.#seen = rows[0]?.sequence
      if (seenAt === -1 || isCleared) forget()
    } catch {
      this.#seen = undefined
      forget()
    }
  }
}
