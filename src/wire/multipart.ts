/**
 * Finds the parts of a `multipart/form-data` body (RFC 7578, RFC 2046 section 5.1) as it passes by: where each begins
 * and ends, and the text of the few small fields that are asked for. Holds no more of the body than one line of it.
 */

import { asBuffer } from './bytes.ts'

export interface FormField {
  readonly value: string
  /** Where the value stands in the body. */
  readonly start: number
  readonly end: number
}

export interface FormScanOptions {
  readonly boundary: string
  /** Fields whose text is wanted; any other is only counted. */
  readonly fields: readonly string[]
}

/** The body is no form: what is wrong, without a byte of it. */
export class FormError extends Error {
  override readonly name = 'FormError'
}

/** Parts of one form. */
export const FORM_PARTS_MAX = 1_000
/** Header lines of one part together, bytes. */
export const PART_HEADERS_BYTES_MAX = 16_384
/** The text of a field that is read. */
export const FIELD_BYTES_MAX = 4_096

/** RFC 2046, 5.1.1: at most 70 characters of these, the last no space. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/

/** The boundary that a content type names; `undefined` where it is no form or names none that is allowed. */
export function formBoundary(contentType: string | undefined): string | undefined {
  if (contentType === undefined || !/^\s*multipart\/form-data\s*;/i.test(contentType)) return undefined
  const match = /;\s*boundary=(?:"([^"]*)"|([^\s;]+))/i.exec(contentType)
  const boundary = match?.[1] ?? match?.[2]
  return boundary !== undefined && BOUNDARY.test(boundary) ? boundary : undefined
}

/** Longer than any delimiter. */
const SEAM_BYTES = 256

const CRLF = '\r\n'
const HEADERS_END = Buffer.from('\r\n\r\n')
const NO_BYTES: Buffer = Buffer.alloc(0)

/** `delimiter`: the bytes after a boundary, which say whether another part follows. */
type State = 'preamble' | 'delimiter' | 'headers' | 'value' | 'epilogue'

interface Part {
  readonly name: string | undefined
  readonly isFile: boolean
  readonly start: number
  text: Buffer
}

export class FormScanner {
  readonly #fields: ReadonlySet<string>
  readonly #delimiter: Buffer
  readonly #found = new Map<string, FormField>()
  #state: State = 'preamble'
  /** What was not yet read of the bytes before; the delimiter of the first part has no line before it, so one is thought there. */
  #held: Buffer = Buffer.from(CRLF)
  /** Where `held` begins in the body. */
  #offset = -CRLF.length
  #part: Part | undefined
  #parts = 0

  constructor(options: FormScanOptions) {
    this.#fields = new Set(options.fields)
    this.#delimiter = Buffer.from(`${CRLF}--${options.boundary}`)
  }

  /** Parts begun so far. */
  get parts(): number {
    return this.#parts
  }

  /** A wanted field that has passed whole. */
  field(name: string): FormField | undefined {
    return this.#found.get(name)
  }

  /** Throws `FormError`. */
  write(chunk: Uint8Array): void {
    // Where pieces meet, a little of the new one is read together with what is held, so that a large one is not copied.
    if (this.#held.length > 0 && chunk.length > SEAM_BYTES) {
      this.#read(Buffer.concat([this.#held, chunk.subarray(0, SEAM_BYTES)]))
      const heldBytes = this.#held.length
      if (heldBytes <= SEAM_BYTES) {
        // What is held now is of this chunk alone.
        this.#held = NO_BYTES
        this.#read(asBuffer(chunk.subarray(SEAM_BYTES - heldBytes)))
        return
      }
      this.#read(Buffer.concat([this.#held, chunk.subarray(SEAM_BYTES)]))
      return
    }
    this.#read(this.#held.length === 0 ? asBuffer(chunk) : Buffer.concat([this.#held, chunk]))
  }

  #read(bytes: Buffer): void {
    if (this.#isOver()) return
    this.#held = NO_BYTES
    let position = 0
    for (;;) {
      const next = this.#step(bytes, position)
      if (next === undefined) break
      position = next
    }
    this.#offset += position
    // A copy: the chunk may be large, and what is held of it is small.
    this.#held = this.#isOver() ? NO_BYTES : Buffer.from(bytes.subarray(position))
  }

  /** The body is over. Throws `FormError` where the form is not. */
  end(): void {
    if (this.#state !== 'epilogue') throw new FormError('the form ends before its closing boundary')
  }

  #isOver(): boolean {
    return this.#state === 'epilogue'
  }

  /** Reads on from `position`; `undefined` where more bytes are needed. */
  #step(bytes: Buffer, position: number): number | undefined {
    switch (this.#state) {
      case 'preamble':
      case 'value':
        return this.#toDelimiter(bytes, position)
      case 'delimiter':
        return this.#afterDelimiter(bytes, position)
      case 'headers':
        return this.#readHeaders(bytes, position)
      case 'epilogue':
        return undefined
    }
  }

  #toDelimiter(bytes: Buffer, position: number): number | undefined {
    const at = bytes.indexOf(this.#delimiter, position)
    if (at === -1) {
      // The end of these bytes may be the beginning of a delimiter.
      const safe = Math.max(position, bytes.length - this.#delimiter.length + 1)
      this.#take(bytes, position, safe)
      return safe === position ? undefined : safe
    }
    this.#take(bytes, position, at)
    this.#endPart(this.#offset + at)
    this.#state = 'delimiter'
    return at + this.#delimiter.length
  }

  /** `--` closes the form; white space up to the end of the line is allowed before the next part. */
  #afterDelimiter(bytes: Buffer, position: number): number | undefined {
    if (bytes.length < position + 2) return undefined
    if (bytes.toString('latin1', position, position + 2) === '--') {
      this.#state = 'epilogue'
      return undefined
    }
    const lineEnd = bytes.indexOf(CRLF, position)
    if (lineEnd === -1 && bytes.length - position > 256)
      throw new FormError('a line with a boundary does not end')
    if (lineEnd === -1) return undefined
    if (!/^[ \t]*$/.test(bytes.toString('latin1', position, lineEnd)))
      throw new FormError('something follows a boundary on its line')
    this.#parts += 1
    if (this.#parts > FORM_PARTS_MAX) throw new FormError(`the form has more than ${FORM_PARTS_MAX} parts`)
    this.#state = 'headers'
    // The line's end may begin the empty line of a part without headers.
    return lineEnd
  }

  #readHeaders(bytes: Buffer, position: number): number | undefined {
    const end = bytes.indexOf(HEADERS_END, position)
    if (end === -1) {
      if (bytes.length - position > PART_HEADERS_BYTES_MAX)
        throw new FormError('the headers of a part do not end')
      return undefined
    }
    const headers = bytes.toString('utf8', position, end)
    if (headers.length > PART_HEADERS_BYTES_MAX) throw new FormError('the headers of a part are too long')
    const start = end + HEADERS_END.length
    this.#part = { ...readDisposition(headers), start: this.#offset + start, text: NO_BYTES }
    this.#state = 'value'
    // A value may be empty: its delimiter then begins with the line end that closed the headers.
    return start
  }

  #take(bytes: Buffer, from: number, to: number): void {
    const part = this.#part
    if (part === undefined || !this.#isWanted(part) || from === to) return
    if (part.text.length + to - from > FIELD_BYTES_MAX)
      throw new FormError(`the field ${part.name} is longer than ${FIELD_BYTES_MAX} bytes`)
    part.text = Buffer.concat([part.text, bytes.subarray(from, to)])
  }

  #endPart(end: number): void {
    const part = this.#part
    this.#part = undefined
    if (part?.name === undefined || !this.#isWanted(part)) return
    // Two would let us read one and the provider the other.
    if (this.#found.has(part.name)) throw new FormError(`the field ${part.name} stands there twice`)
    this.#found.set(part.name, { value: part.text.toString(), start: part.start, end })
  }

  #isWanted({ name, isFile }: Part): boolean {
    return name !== undefined && !isFile && this.#fields.has(name)
  }
}

function readDisposition(headers: string): { readonly name: string | undefined; readonly isFile: boolean } {
  const line = headers.split(CRLF).find((one) => /^content-disposition\s*:/i.test(one)) ?? ''
  const name = /;\s*name=(?:"((?:[^"\\]|\\.)*)"|([^\s;]+))/i.exec(line)
  return { name: name?.[1] ?? name?.[2], isFile: /;\s*filename\*?=/i.test(line) }
}
