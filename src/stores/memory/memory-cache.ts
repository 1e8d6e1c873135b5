/** The cache of a memory store. */

import type { CachedAnswer, CacheStore, NewAnswer } from '../../cache/cache-store.ts'
import type { AuditNote } from '../../std/audit.ts'
import type { MemoryDirectory } from './memory-directory.ts'
import { sweepKept } from './sweep-kept.ts'

export class MemoryCache {
  /** Oldest first, as a Map keeps them. */
  readonly #answers = new Map<string, CachedAnswer>()
  readonly #directory: Pick<MemoryDirectory, 'revision' | 'change'>
  /** At which answers were removed last. */
  #clearedRevision = 0

  constructor(directory: Pick<MemoryDirectory, 'revision' | 'change'>) {
    this.#directory = directory
  }

  get answers(): readonly CachedAnswer[] {
    return [...this.#answers.values()]
  }

  put({ sinceRevision, ...entry }: NewAnswer): boolean {
    if (sinceRevision !== undefined && !this.#isUpToDate(sinceRevision)) return false
    this.#answers.delete(entry.id)
    this.#answers.set(entry.id, entry)
    return true
  }

  find(id: string, nowMs: number): CachedAnswer | undefined {
    const entry = this.#answers.get(id)
    return entry !== undefined && entry.expiresAtMs > nowMs ? entry : undefined
  }

  findAlike(query: Parameters<CacheStore['findAlike']>[0]): Awaited<ReturnType<CacheStore['findAlike']>> {
    const { partition, vector, similarityMin, count, nowMs } = query
    return [...this.#answers.values()]
      .flatMap((entry) => {
        if (entry.partition !== partition || entry.vector === undefined || entry.expiresAtMs <= nowMs)
          return []
        const similarity = dot(vector, entry.vector)
        return similarity >= similarityMin ? [{ ...entry, similarity }] : []
      })
      .sort((one, other) => other.similarity - one.similarity)
      .slice(0, count)
  }

  drop(notes: readonly AuditNote[], tenant: string | undefined): number {
    this.#clearedRevision = this.#directory.change([], notes)
    const before = this.#answers.size
    for (const [id, entry] of this.#answers)
      if (tenant === undefined || entry.tenant === tenant) this.#answers.delete(id)
    return before - this.#answers.size
  }

  sweep(nowMs: number, bytesMax: number): number {
    return sweepKept(this.#answers, {
      nowMs,
      bytesMax,
      bytesOf: ({ answer }) => answer.length,
    })
  }

  #isUpToDate(revision: number): boolean {
    return this.#clearedRevision <= revision && revision <= this.#directory.revision
  }
}

/** Of two vectors of unit length, the cosine; vectors of another model are not alike. */
function dot(one: Float32Array, other: Float32Array): number {
  if (one.length !== other.length) return -1
  let sum = 0
  for (let place = 0; place < one.length; place += 1) sum += (one[place] ?? 0) * (other[place] ?? 0)
  return sum
}
