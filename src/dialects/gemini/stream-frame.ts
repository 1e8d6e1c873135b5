/** The two ways in which responses travel in a stream. */

import type { StreamForm } from '../../canonical/envelope.ts'

export interface StreamFrame {
  /** One response as it stands in the stream. */
  element(json: string): string
  /** What ends the stream. */
  close(): string
}

export function frameOf(form: StreamForm = 'sse'): StreamFrame {
  return form === 'sse' ? EVENTS : new ArrayFrame()
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
  #hasBegun = false

  element(json: string): string {
    const before = this.#hasBegun ? ',\r\n' : '['
    this.#hasBegun = true
    return before + json
  }

  close(): string {
    return this.#hasBegun ? '\n]' : '[]'
  }
}
