/** Rows in columns, for eyes: as wide as they must be, numbers to the right. Pure. */

export interface Column {
  readonly title: string
  readonly isNumber?: boolean
}

export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const clean = rows.map((row) => row.map(printable))
  const widths = columns.map(({ title }, at) =>
    Math.max(title.length, ...clean.map((row) => (row[at] ?? '').length)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) =>
        columns[at]?.isNumber ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return [line(columns.map(({ title }) => title)), ...clean.map(line)]
}

/** What clients wrote may hold what a terminal would obey. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, '?')
}

/** `2026-11-17 10:00:00`, UTC. */
export function sayMoment(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')
}
