/**
 * Event streams as the WHATWG HTML specification says, section 9.2.6, on bytes and in one pass; and, beside it, the
 * two ways in which providers report an error outside of the specification: a bare JSON object where a field should
 * stand (Gemini), and a field named `error` (llama.cpp, GPUStack). Knows framing only, never what the data means.
 */

import { GatewayError } from '../errors/gateway-error.ts'
import { asBuffer, indexOrLength } from './bytes.ts'
import { JsonExtent } from './json-extent.ts'
import { readEventFields } from './sse-fields.ts'

export interface SseEvent {
  /** `message` where no `event:` line stood; `error` for an error outside of the specification. */
  readonly name: string
  readonly data: string
  /**
   * The event's own bytes as they came, the blank line included; comments before it are left out. Safe to send on: a
   * blank line that never came is added. (The bytes of a bare JSON error are no event and must not be sent on.)
   */
  readonly raw: Uint8Array
}

export interface SseLimits {
  /** The most bytes an event, or a line of it, may have. Default 16 MiB. */
  readonly eventBytesMax?: number
}

/** The most bytes of one event, line ends included. */
export const EVENT_BYTES_MAX = 16_777_216

/**
 * Where the parser stands: at the start of a line with no event begun; in the margin of such a line, which may yet
 * turn out to hold bare JSON; in a line that means nothing; in an event; in bare JSON.
 */
type State = 'line-start' | 'margin' | 'ignored-line' | 'event' | 'json'

const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const TAB = 0x09
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const OPEN_BRACE = 0x7b
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const
const HELD_BYTES_MIN = 1_024
const NO_BYTES: Buffer = Buffer.alloc(0)

/** Bytes in, cut anywhere; events out. Holds at most one unfinished event. */
export class SseParser {
  readonly #eventBytesMax: number
  #state: State = 'line-start'
  /** How much of a byte order mark has been seen; 3 once there can be none any more. */
  #markBytes = 0
  /** A CR ended the last chunk: an LF that follows belongs to it. */
  #isAfterCr = false
  #isEnded = false

  // The chunk being read. `nextLf` and `nextCr` are the first of their kind at or after `position`, looked up only
  // when passed: each byte is searched once, whatever the line ends.
  #chunk: Buffer = NO_BYTES
  #position = 0
  #nextLf = -1
  #nextCr = -1
  #events: SseEvent[] = []

  // The unfinished event: its bytes from earlier chunks, in a buffer that doubles, then the chunk from `eventStart`.
  #held: Buffer = NO_BYTES
  #heldBytes = 0
  #eventStart = 0
  #isAtLineStart = false
  #lineCount = 0
  #firstLineBytes = 0
  #lastLineEndBytes = 0
  readonly #json = new JsonExtent()
  /** Bytes of an ignored line so far. */
  #ignoredBytes = 0

  constructor(limits: SseLimits = {}) {
    this.#eventBytesMax = limits.eventBytesMax ?? EVENT_BYTES_MAX
  }

  /** Bytes of an event are at hand whose end has not come; after `end()`, whether that was so. */
  get hasPartialEvent(): boolean {
    return this.#state === 'event' || this.#state === 'json'
  }

  /** Reads the next bytes and returns the events they complete. Throws `event_too_large`. */
  read(chunk: Uint8Array): readonly SseEvent[] {
    if (chunk.length === 0 || this.#isEnded) return []
    this.#open(chunk)
    while (this.#position < this.#chunk.length) this.#step()
    this.#holdRest()
    return this.#takeEvents()
  }

  /** The source ended: returns the event whose blank line never came, if there is one. */
  end(): readonly SseEvent[] {
    if (this.#isEnded) return []
    this.#isEnded = true
    if (this.#state === 'event') this.#endCutEvent()
    else if (this.#state === 'json') this.#emitError(this.#takeRaw(0))
    return this.#takeEvents()
  }

  #open(chunk: Uint8Array): void {
    this.#chunk = asBuffer(chunk)
    this.#position = 0
    this.#nextLf = -1
    this.#nextCr = -1
    this.#eventStart = 0
    if (this.#markBytes < BYTE_ORDER_MARK.length) this.#skipMark()
    if (!this.#isAfterCr || this.#position >= chunk.length) return
    this.#isAfterCr = false
    if (this.#chunk[this.#position] !== LF) return
    this.#position += 1
    this.#lastLineEndBytes = 2
  }

  /** A mark that breaks off leaves a line that begins with no field's name: ignored. */
  #skipMark(): void {
    while (this.#position < this.#chunk.length && this.#markBytes < BYTE_ORDER_MARK.length) {
      if (this.#chunk[this.#position] !== BYTE_ORDER_MARK[this.#markBytes]) {
        if (this.#markBytes > 0) this.#ignoreLine()
        this.#markBytes = BYTE_ORDER_MARK.length
        return
      }
      this.#position += 1
      this.#markBytes += 1
    }
  }

  #step(): void {
    switch (this.#state) {
      case 'event':
        return this.#readEventLine()
      case 'line-start':
        return this.#beginLine()
      case 'ignored-line':
        return this.#readIgnoredLine()
      case 'margin':
        return this.#readMargin()
      case 'json':
        return this.#readJson()
    }
  }

  #beginLine(): void {
    const byte = this.#chunk[this.#position]
    if (byte === LF) {
      this.#position += 1
    } else if (byte === CR) {
      this.#position += this.#lineEndBytes(this.#position)
    } else if (byte === COLON) {
      this.#ignoreLine()
    } else if (byte === OPEN_BRACE || byte === SPACE || byte === TAB || byte === OPEN_BRACKET) {
      this.#state = 'margin'
    } else {
      this.#beginEvent()
    }
  }

  #ignoreLine(): void {
    this.#state = 'ignored-line'
    this.#ignoredBytes = 0
  }

  #readIgnoredLine(): void {
    const end = this.#findLineEnd()
    this.#ignoredBytes += end - this.#position
    if (this.#ignoredBytes > this.#eventBytesMax) throw this.#tooLarge()
    this.#position = end
    if (end >= this.#chunk.length) return
    this.#position += this.#lineEndBytes(end)
    this.#state = 'line-start'
  }

  /** No field begins with white space or a bracket; bare JSON may (Gemini indents, and wraps its errors in an array). */
  #readMargin(): void {
    const byte = this.#chunk[this.#position]
    if (byte === OPEN_BRACE) this.#beginJson()
    else if (byte === SPACE || byte === TAB || byte === OPEN_BRACKET) this.#position += 1
    else this.#ignoreLine()
  }

  #beginEvent(): void {
    this.#state = 'event'
    this.#eventStart = this.#position
    this.#isAtLineStart = false
    this.#lineCount = 0
  }

  #readEventLine(): void {
    if (this.#isAtLineStart) {
      const byte = this.#chunk[this.#position]
      if (byte === LF || byte === CR) return this.#endEvent()
      if (byte === OPEN_BRACE) return this.#interruptEvent()
      this.#isAtLineStart = false
    }
    const end = this.#findLineEnd()
    this.#position = end
    if (end >= this.#chunk.length) return
    this.#countLine(this.#heldBytes + end - this.#eventStart)
    this.#lastLineEndBytes = this.#lineEndBytes(end)
    this.#position += this.#lastLineEndBytes
    this.#isAtLineStart = true
  }

  /** Notes a line of the event that ends after its first `bytes`. */
  #countLine(bytes: number): void {
    if (this.#lineCount === 0) this.#firstLineBytes = bytes
    this.#lineCount += 1
  }

  #endEvent(): void {
    this.#position += this.#lineEndBytes(this.#position)
    // The LF of a blank CRLF line may come with the next chunk. Waiting for it would hold the event back, so it is
    // taken for granted where the line before ended in CRLF.
    const isHalfCrLf = this.#isAfterCr && this.#lastLineEndBytes === 2
    this.#emitFields(this.#takeRaw(this.#position, isHalfCrLf ? '\n' : ''))
    this.#state = 'line-start'
  }

  /** The source ended before the blank line, or before even the line did. */
  #endCutEvent(): void {
    if (!this.#isAtLineStart) this.#countLine(this.#heldBytes)
    this.#emitFields(this.#takeRaw(0, this.#isAtLineStart ? '\n' : '\n\n'))
  }

  /** Bare JSON in place of the blank line: the event before it is whole, and the error comes after it. */
  #interruptEvent(): void {
    this.#emitFields(this.#takeRaw(this.#position, '\n'))
    this.#beginJson()
  }

  #beginJson(): void {
    this.#state = 'json'
    this.#eventStart = this.#position
    this.#json.begin()
  }

  #readJson(): void {
    const end = this.#json.read(this.#chunk, this.#position)
    this.#position = end
    switch (this.#json.state) {
      case 'open':
        return
      case 'closed':
        this.#emitError(this.#takeRaw(end))
        return this.#ignoreLine()
      case 'broken':
        this.#dropHeld()
        this.#state = 'line-start'
    }
  }

  /** The index of the line end at or after `position`, or the chunk's length. */
  #findLineEnd(): number {
    const chunk = this.#chunk
    const position = this.#position
    if (this.#nextLf < position) this.#nextLf = indexOrLength(chunk, LF, position)
    if (this.#nextCr < position) this.#nextCr = indexOrLength(chunk, CR, position)
    return this.#nextLf < this.#nextCr ? this.#nextLf : this.#nextCr
  }

  /** How many bytes the line end at `index` has here; notes a CR whose LF may yet come. */
  #lineEndBytes(index: number): 1 | 2 {
    if (this.#chunk[index] === LF) return 1
    if (index + 1 < this.#chunk.length) return this.#chunk[index + 1] === LF ? 2 : 1
    this.#isAfterCr = true
    // Nothing has come after this CR: whether it is the half of a CRLF shows in the next chunk.
    return 1
  }

  #emitFields(raw: Buffer): void {
    const fields = readEventFields(raw, this.#lineCount === 1 ? this.#firstLineBytes : undefined)
    if (fields) this.#events.push({ name: fields.name, data: fields.data, raw })
  }

  #emitError(raw: Buffer): void {
    this.#events.push({ name: 'error', data: raw.toString('utf8'), raw })
  }

  /** The unfinished event up to `end` as one buffer, `ending` added; the parser keeps none of it. */
  #takeRaw(end: number, ending = ''): Buffer {
    const chunkBytes = end - this.#eventStart
    if (this.#heldBytes + chunkBytes > this.#eventBytesMax) throw this.#tooLarge()
    if (this.#heldBytes === 0 && ending === '') return this.#chunk.subarray(this.#eventStart, end)
    this.#hold(this.#eventStart, end)
    this.#reserve(ending.length)
    this.#heldBytes += this.#held.write(ending, this.#heldBytes, 'latin1')
    const raw = this.#held.subarray(0, this.#heldBytes)
    this.#dropHeld()
    return raw
  }

  #holdRest(): void {
    if (this.hasPartialEvent) this.#hold(this.#eventStart, this.#chunk.length)
    this.#eventStart = 0
    this.#chunk = NO_BYTES
  }

  #hold(start: number, end: number): void {
    if (this.#heldBytes + end - start > this.#eventBytesMax) throw this.#tooLarge()
    this.#reserve(end - start)
    this.#heldBytes += this.#chunk.copy(this.#held, this.#heldBytes, start, end)
  }

  /** Doubling keeps the copying linear in the size of the event, however small the chunks. */
  #reserve(bytes: number): void {
    const needed = this.#heldBytes + bytes
    if (needed <= this.#held.length) return
    const grown = Buffer.allocUnsafe(Math.max(HELD_BYTES_MIN, needed, this.#held.length * 2))
    this.#held.copy(grown, 0, 0, this.#heldBytes)
    this.#held = grown
  }

  #dropHeld(): void {
    this.#held = NO_BYTES
    this.#heldBytes = 0
    this.#eventStart = this.#position
  }

  #takeEvents(): readonly SseEvent[] {
    const events = this.#events
    this.#events = []
    return events
  }

  #tooLarge(): GatewayError {
    this.#isEnded = true
    this.#held = NO_BYTES
    this.#chunk = NO_BYTES
    return new GatewayError(
      'event_too_large',
      `The provider sent an event of more than ${this.#eventBytesMax} bytes.`,
    )
  }
}

/** An event as text. Line ends inside `data` become lines of their own, so that no text can begin an event (SEC-40). */
export function encodeSse(data: string, name?: string): string {
  const body = hasLineEnd(data) ? data.split(/\r\n|\r|\n/).join('\ndata: ') : data
  if (name === undefined) return `data: ${body}\n\n`
  return `event: ${hasLineEnd(name) ? name.replaceAll(/[\r\n]/g, ' ') : name}\ndata: ${body}\n\n`
}

function hasLineEnd(text: string): boolean {
  return text.includes('\n') || text.includes('\r')
}
