/** The fields of one whole event: its lines are found, its name and data decoded; `id`, `retry` and the rest fall away. */

import { indexOrLength } from './bytes.ts'

export interface EventFields {
  readonly name: string
  readonly data: string
}

const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const DATA = Buffer.from('data')
const EVENT = Buffer.from('event')
const ERROR = Buffer.from('error')

/**
 * Reads an event from its bytes, or `undefined` where it has no data and so is none. `onlyLineBytes` is the length of
 * its line where it has just one, which is the common case and needs no search.
 */
export function readEventFields(raw: Buffer, onlyLineBytes: number | undefined): EventFields | undefined {
  const fields = new FieldReader(raw)
  if (onlyLineBytes === undefined) fields.readLines()
  else fields.readLine(0, onlyLineBytes)
  return fields.result()
}

class FieldReader {
  readonly #raw: Buffer
  #name = ''
  #data: string | undefined
  #moreData: string[] | undefined
  #error: string | undefined

  constructor(raw: Buffer) {
    this.#raw = raw
  }

  readLines(): void {
    const raw = this.#raw
    let start = 0
    let lf = -1
    let cr = -1
    while (start < raw.length) {
      if (lf < start) lf = indexOrLength(raw, LF, start)
      if (cr < start) cr = indexOrLength(raw, CR, start)
      const end = lf < cr ? lf : cr
      this.readLine(start, end)
      start = end + 1
    }
  }

  readLine(start: number, end: number): void {
    const raw = this.#raw
    const first = raw[start]
    if (first === DATA[0]) {
      if (isField(raw, start, end, DATA)) this.#addData(this.#value(start + DATA.length, end))
    } else if (first === EVENT[0]) {
      if (isField(raw, start, end, EVENT)) this.#name = this.#value(start + EVENT.length, end)
      else if (isField(raw, start, end, ERROR)) this.#readError(start + ERROR.length, end)
    }
  }

  /** An error outside of the specification says more than whatever data it came with. */
  result(): EventFields | undefined {
    if (this.#error !== undefined) return { name: 'error', data: this.#error }
    if (this.#data === undefined) return undefined
    const data = this.#moreData ? `${this.#data}\n${this.#moreData.join('\n')}` : this.#data
    return { name: this.#name === '' ? 'message' : this.#name, data }
  }

  #addData(value: string): void {
    if (this.#data === undefined) this.#data = value
    else if (this.#moreData) this.#moreData.push(value)
    else this.#moreData = [value]
  }

  #readError(nameEnd: number, end: number): void {
    if (this.#raw[valueStart(this.#raw, nameEnd)] === OPEN_BRACE) this.#error = this.#value(nameEnd, end)
  }

  /** Lines are cut at ASCII bytes, so decoding each alone gives what decoding the whole would. */
  #value(nameEnd: number, end: number): string {
    return nameEnd >= end ? '' : this.#raw.toString('utf8', valueStart(this.#raw, nameEnd), end)
  }
}

/** After the colon and the one space that may follow it. */
function valueStart(raw: Buffer, nameEnd: number): number {
  return raw[nameEnd + 1] === SPACE ? nameEnd + 2 : nameEnd + 1
}

function isField(raw: Buffer, start: number, end: number, name: Buffer): boolean {
  const nameEnd = start + name.length
  if (nameEnd > end || (nameEnd < end && raw[nameEnd] !== COLON)) return false
  for (let index = 1; index < name.length; index += 1) {
    if (raw[start + index] !== name[index]) return false
  }
  return true
}
