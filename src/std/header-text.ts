/** Headers have no encoding of their own: Node gives every byte of one as a character of Latin-1, whatever was meant by it. */

import { isUtf8 } from 'node:buffer'

const ASCII = /^[\t\x20-\x7e]*$/

/**
 * The text that a header's value was meant to be: UTF-8 where its bytes are that, as most programs send it; else Latin-1,
 * as `fetch` does.
 */
export function headerText(value: string): string {
  if (ASCII.test(value)) return value
  const bytes = Buffer.from(value, 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : value
}
