/** Lists as comma-separated values: the columns that the admin API gives, too. */

import type { Directory } from '../keys/records.ts'
import { writeCsvLine } from '../reports/csv.ts'
import type { RecordTable } from '../reports/record-tables.ts'
import { namesOf } from './change-books.ts'
import type { CliIo } from './io.ts'

export interface PrintedRows<Row> {
  readonly rows: readonly Row[]
  /** Whose ids are named. */
  readonly directory: Directory
  readonly io: CliIo
}

/** The head stands there without rows as well. */
export function printCsv<Row>(table: RecordTable<Row>, { rows, directory, io }: PrintedRows<Row>): void {
  const names = namesOf(directory)
  const lines = rows.map((row) => writeCsvLine(table.cells(row, names)))
  io.out([writeCsvLine(table.columns), ...lines].join('').trimEnd())
}
