/** Tables as comma-separated values (RFC 4180) that a spreadsheet opens without running what strangers wrote into them. */

export type CsvCell = string | number | boolean | null | undefined

/** One line with its CRLF: the header, or a row. Absent cells are empty. */
export function writeCsvLine(cells: readonly CsvCell[]): string {
  return `${cells.map(writeCell).join(',')}\r\n`
}

/** Spreadsheets take a text that begins so for a formula. Space before it does not stop them. */
const FORMULA = /^[\s\p{Cc}]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/u

const NEEDS_QUOTES = /[",;\r\n\t']|^\s|\s$/

function writeCell(cell: CsvCell): string {
  if (typeof cell !== 'string') return cell === null || cell === undefined ? '' : String(cell)
  const text = FORMULA.test(cell) ? `'${cell}` : cell
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
