/**
 * How far a bare JSON object in an event stream reaches, told from its brackets, over chunks cut anywhere. It may be
 * spread over lines; where it proves to be no JSON, the lines of the stream must get their say again.
 */

const LF = 0x0a
const CR = 0x0d
const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
/** `data`, `event`, `error`, `id`, `retry`: no line of JSON begins with these letters. */
const FIELD_LETTERS: ReadonlySet<number> = new Set(Buffer.from('deir'))

export class JsonExtent {
  /** `closed`: the object's last byte was read. `broken`: it is none. */
  state: 'open' | 'closed' | 'broken' = 'open'
  #depth = 0
  #isInString = false
  #isEscaped = false
  #isAtLineStart = false

  begin(): void {
    this.state = 'open'
    this.#depth = 0
    this.#isInString = false
    this.#isEscaped = false
    this.#isAtLineStart = false
  }

  /** Reads on from `position`; returns where it stopped: after the object, at what broke it, or at the chunk's end. */
  read(chunk: Uint8Array, position: number): number {
    for (let index = position; index < chunk.length; index += 1) {
      // The index is inside the chunk.
      const byte = chunk[index] as number
      if (this.#isInString) this.#readInString(byte)
      else this.#readStructure(byte)
      if (this.state === 'closed') return index + 1
      if (this.state === 'broken') return index
    }
    return chunk.length
  }

  #readInString(byte: number): void {
    if (byte === LF || byte === CR) this.state = 'broken'
    else if (this.#isEscaped) this.#isEscaped = false
    else if (byte === BACKSLASH) this.#isEscaped = true
    else if (byte === QUOTE) this.#isInString = false
  }

  #readStructure(byte: number): void {
    if (this.#isAtLineStart && FIELD_LETTERS.has(byte)) {
      this.state = 'broken'
      return
    }
    this.#isAtLineStart = byte === LF || byte === CR
    if (byte === QUOTE) this.#isInString = true
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth += 1
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#close()
  }

  #close(): void {
    this.#depth -= 1
    if (this.#depth === 0) this.state = 'closed'
  }
}
