/** Values of a statement, in the order of their places. */

import { databaseText } from './row-values.ts'

export class Values {
  readonly all: unknown[] = []

  /** The place of a value, `$1` and on. */
  add(value: unknown): string {
    this.all.push(typeof value === 'string' ? databaseText(value) : value)
    return `$${this.all.length}`
  }
}
