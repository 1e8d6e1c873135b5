/** Counts outcomes: how many hold, which do not, and the cells of the matrix. */

import type { CorpusFault, Recording } from './corpus.ts'
import type { Cell, Outcome } from './outcome.ts'

export interface Failure {
  /** The exchange, or the file and line where there is none. */
  readonly where: string
  readonly check: string
  readonly fault: string
}

export interface Count {
  /** Arrived as it was said. */
  kept: number
  /** Could not be said there, and was named as a loss. */
  named: number
  failed: number
}

export class Tally {
  passed = 0
  exchanges = 0
  readonly failures: Failure[] = []
  /** Feature, then source, then client. */
  readonly matrix = new Map<string, Map<string, Map<string, Count>>>()
  /** Exchanges of files no dialect covers, by file. */
  readonly uncovered = new Map<string, number>()
  /** How often each kind of check ran, by its first words. */
  readonly checks = new Map<string, number>()

  add(recording: Recording, outcomes: readonly Outcome[]): void {
    this.exchanges += 1
    for (const { check, fault, cell } of outcomes) {
      const kind = check.split('.').slice(0, 2).join('.')
      this.checks.set(kind, (this.checks.get(kind) ?? 0) + 1)
      if (fault === undefined) this.passed += 1
      else this.failures.push({ where: recording.id, check, fault })
      if (cell !== undefined) this.#count(cell, fault !== undefined)
    }
  }

  addFault({ file, line, reason }: CorpusFault): void {
    this.failures.push({ where: `${file}:${line}`, check: 'corpus', fault: `the line ${reason}` })
  }

  addUncovered(file: string, exchanges: number): void {
    this.uncovered.set(file, exchanges)
  }

  #count({ from, to, features, named = [] }: Cell, isFailed: boolean): void {
    for (const feature of features) {
      const count = this.#cell(feature, from, to)
      if (isFailed) count.failed += 1
      else if (named.includes(feature)) count.named += 1
      else count.kept += 1
    }
  }

  #cell(feature: string, from: string, to: string): Count {
    const row = this.matrix.get(feature) ?? new Map<string, Map<string, Count>>()
    this.matrix.set(feature, row)
    const cells = row.get(from) ?? new Map<string, Count>()
    row.set(from, cells)
    const count = cells.get(to) ?? { kept: 0, named: 0, failed: 0 }
    cells.set(to, count)
    return count
  }
}
