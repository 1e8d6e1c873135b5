/** The two ways in which responses travel in a stream. */

import type { StreamForm } from '../../canonical/envelope.ts'

export interface StreamFrame {
  /** One response as it stands in the stream. */
  element(json: string): string
  /** What ends the stream. */
  close(): string
}

/** `hasBegun`: responses were said before in the same stream. */
export function frameOf(form: StreamForm = 'sse', hasBegun = false): StreamFrame {
  return form === 'sse' ? EVENTS : new ArrayFrame(hasBegun)
}

/** As Google frames them: one line of data, CRLF. */
const EVENTS: StreamFrame = {
  element: (json) => `data: ${json.includes('\n') ? onOneLine(json) : json}\r\n\r\n`,
  close: () => '',
}

/** Line breaks of JSON text stand between its tokens, never inside a string. */
function onOneLine(json: string): string {
  return json.replaceAll(/[\r\n]+/g, ' ')
}

/** As Google frames them: elements apart by a comma and a line break. */
class ArrayFrame implements StreamFrame {
  #hasBegun: boolean

  constructor(hasBegun: boolean) {
    this.#hasBegun = hasBegun
  }

  element(json: string): string {
    const before = this.#hasBegun ? ',\r\n' : '['
    this.#hasBegun = true
    return before + json
  }

  close(): string {
    return this.#hasBegun ? '\n]' : '[]'
  }
}
